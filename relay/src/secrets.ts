import {
  createSigner,
  decodeBase64url,
  encodeBase64url,
  encodeSkey,
  fromUtf8,
  LatchkeyError,
  type NoteSigner,
  parseSkey,
  randomBytes,
  type Signer,
  utf8,
} from '@latchkey/shared'
import { chmod, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createDirectory, writeFileAtomic } from './kernel/atomic-file.ts'

/** The relay's own keys. None of them opens a clip. */
export interface RelaySecrets {
  /** Signs receipts, releases and broker passwords. */
  readonly signer: Signer
  /** Signs checkpoints; another key, so that neither can stand in for the other. */
  readonly logSigner: NoteSigner
  /** Makes DPoP nonces; replicas share it. 32 bytes. */
  readonly nonceKey: Uint8Array
  /** Tells push services who writes; a browser's subscription is bound to it. PKCS #8 of a P-256 key. */
  readonly vapidKey: Uint8Array
}

const KEY_BYTES = 32

/** A secret's text: made once, exclusively, mode 0600; afterwards always the same. */
async function loadOrCreate(path: string, create: () => string | Promise<string>): Promise<string> {
  const existing = await readFile(path).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw new LatchkeyError('CONFIG_INVALID', `cannot read the secret ${path}`, { cause: error })
  })
  if (existing) return fromUtf8(existing).trim()
  await writeFileAtomic(path, utf8(`${await create()}\n`), { mode: 0o600, exclusive: true }).catch((error: unknown) => {
    // Another relay that starts with us was first: its secret is ours too.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  })
  return fromUtf8(await readFile(path)).trim()
}

function keyOf(text: string, path: string): Uint8Array {
  const bytes = decodeBase64url(text)
  if (bytes.length !== KEY_BYTES) throw new LatchkeyError('CONFIG_INVALID', `${path} does not hold a key`)
  return bytes
}

async function createVapidKey(): Promise<string> {
  const { privateKey } = await crypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, ['sign'])
  return encodeBase64url(new Uint8Array(await crypto.subtle.exportKey('pkcs8', privateKey)))
}

/**
 * Loads the relay's secrets below `folder`, making those that are missing.
 * @param logName name of the log when its key is made; the file keeps it for ever
 * @throws CONFIG_INVALID | KEY_INVALID | ENCODING_INVALID
 */
export async function loadSecrets(folder: string, logName: string): Promise<RelaySecrets> {
  await createDirectory(folder, 0o700)
  await chmod(folder, 0o700)
  const random = (): string => encodeBase64url(randomBytes(KEY_BYTES))
  const [signing, nonce, log, vapid] = ['relay-signing.key', 'dpop-nonce.key', 'log-note.key', 'vapid.key'].map(
    (name) => join(folder, name),
  ) as [string, string, string, string]
  return {
    signer: createSigner(keyOf(await loadOrCreate(signing, random), signing)),
    nonceKey: keyOf(await loadOrCreate(nonce, random), nonce),
    vapidKey: decodeBase64url(await loadOrCreate(vapid, createVapidKey)),
    logSigner: parseSkey(await loadOrCreate(log, () => encodeSkey(logName, randomBytes(KEY_BYTES)))),
  }
}
