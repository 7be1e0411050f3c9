import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import { encodeIdentity, type Identity } from '@latchkey/shared'

/** Writes a file that only its owner may read. */
export async function writePrivate(path: string, content: string | Uint8Array): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 })
  await writeFile(path, content, { mode: 0o600 })
}

/** An identity as the `age` program reads it: `age -d -i FILE`. */
export async function writeAgeIdentity(path: string, identity: Identity, comment: string): Promise<void> {
  await writePrivate(path, `# ${comment}\n# public key: ${identity.recipient}\n${encodeIdentity(identity)}\n`)
}

/** JSON of a file. */
export async function readJsonFile(path: string): Promise<unknown> {
  return JSON.parse(await readFile(path, 'utf8'))
}
