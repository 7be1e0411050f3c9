/** Old clips for phones that came later: their small headers are opened here and wrapped for everybody in force. */
import {
  type ClipEntry,
  countingKeysets,
  decodeBase64url,
  encodeBase64url,
  type HeaderOpener,
  judgeClips,
  type Keyset,
  keysetInForce,
  LatchkeyError,
  type Signed,
  wrapHeader,
} from '@latchkey/shared'
import { loadClips } from '../clips/load-clips.ts'
import { judgeContextOf } from '../clips/listed-clip.ts'
import { loadHeaders } from '../decide/decision.ts'
import { openersOf, recoverFileKeyByAny } from '../keys/phone-keys.ts'
import { chainOf, type Home } from './home.ts'
import { memberClient } from './relay-clients.ts'

/** How far it is; `failed`: clips whose headers this phone could not open itself. */
export interface RewrapProgress {
  readonly done: number
  readonly total: number
  readonly failed: number
}

const recipientsOf = ({ payload: { latchkey } }: Signed<Keyset>): string[] => [
  ...latchkey.members.map(({ recipient }) => recipient),
  latchkey.recovery,
]

/** Finished clips of this household whose newest headers leave somebody in force out. */
function clipsToGive(home: Home, entries: readonly ClipEntry[]): ClipEntry[] {
  const chain = chainOf(home)
  const keysets = new Map(countingKeysets(chain).map((one) => [one.digest, one]))
  const wanted = recipientsOf(keysetInForce(chain))
  return judgeClips(entries, judgeContextOf(home)).flatMap(({ entry, isGenuine, statement }) => {
    if (!isGenuine || statement === null || statement.manifest.payload.latchkey.open) return []
    const sealedFor = keysets.get(entry.headersKeyset ?? statement.manifest.payload.latchkey.keyset)
    const given = new Set(sealedFor === undefined ? [] : recipientsOf(sealedFor))
    return wanted.every((recipient) => given.has(recipient)) ? [] : [entry]
  })
}

async function giveClip(home: Home, entry: ClipEntry, openers: readonly HeaderOpener[]): Promise<void> {
  const inForce = keysetInForce(chainOf(home))
  const recipients = recipientsOf(inForce)
  const held = await loadHeaders(home, entry.clip)
  const headers: string[] = []
  for (const { index, keyCommitment } of entry.descriptors) {
    const { header, nonce } = held.get(index)!
    const committed = { nonce, keyCommitment: decodeBase64url(keyCommitment) }
    const fileKey = await recoverFileKeyByAny(header, openers, committed)
    headers.push(encodeBase64url(wrapHeader(fileKey, recipients)))
    fileKey.fill(0)
  }
  const client = await memberClient(home)
  await client.bytes('PUT', `/v1/clips/${entry.clip}/headers/${inForce.digest}`, { json: { headers } })
}

/**
 * Wraps what is missing, clip by clip; safe to stop and to repeat.
 * @throws UNAVAILABLE and what the relay refuses
 */
export async function giveOldClips(home: Home, onProgress: (progress: RewrapProgress) => void): Promise<void> {
  const mine = await openersOf(home)
  const todo = clipsToGive(home, await loadClips(home))
  let failed = 0
  for (const [done, entry] of todo.entries()) {
    onProgress({ done, total: todo.length, failed })
    await giveClip(home, entry, mine).catch((error: unknown) => {
      if (error instanceof LatchkeyError && error.kind === 'retry') throw error
      failed++
    })
  }
  onProgress({ done: todo.length, total: todo.length, failed })
}
