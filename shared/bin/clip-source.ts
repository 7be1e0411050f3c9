import { decodeBase64url } from '../src/bytes/base64url.ts'
import type { RelayClient } from '../client/relay-client.ts'
import type { FetchedHeader } from '../src/consent/consent-build.ts'
import { checkFirstKeyset } from '../src/household/keyset-chain.ts'
import { LatchkeyError } from '../src/errors.ts'
import { clipManifest } from '../src/wire/clip.ts'
import { deviceCertificate } from '../src/wire/device.ts'
import { clipHeaders, type ClipList, clipList } from '../src/wire/http.ts'
import type { Signed } from '../src/wire/jws.ts'
import type { Keyset } from '../src/wire/keyset.ts'
import { type Clip, loadClip, loadHeaders } from './clip-folder.ts'
import { assertNone, inFile } from './failure.ts'
import type { Household } from './household-folder.ts'

/** A clip to decide about, wherever it lies. */
export interface ClipSource {
  /** For messages. */
  readonly name: string
  readonly clip: Clip
  /** A keyset of the household under which the clip's device is judged. */
  readonly keyset: Signed<Keyset>
  readonly headers: ReadonlyMap<number, FetchedHeader>
}

/** A clip that `seal` made. @throws KEYSET_INVALID when it is of another household */
export async function loadFolderClip(folder: string, { root, keyset }: Household): Promise<ClipSource> {
  const clip = await loadClip(folder)
  if (clip.keyset.digest !== keyset.digest)
    await inFile(folder, () => assertNone(checkFirstKeyset(clip.keyset, root).findings))
  return { name: folder, clip, keyset: clip.keyset, headers: await loadHeaders(folder, clip.descriptors) }
}

/** A clip that a relay stores. Untrusted: every answer. @throws NOT_FOUND, and the relay's codes */
export async function loadRelayClip(relay: RelayClient, id: string, { keyset }: Household): Promise<ClipSource> {
  let after: number | null = 0
  while (after !== null) {
    const page: ClipList = await relay.json('GET', `/v1/clips?after=${after}`, clipList)
    const entry = page.clips.find(({ clip }) => clip === id)
    if (entry === undefined) {
      // A cursor that stands still would keep us here for ever.
      after = page.next !== null && page.next > after ? page.next : null
      continue
    }
    const { headers } = await relay.json('GET', `/v1/clips/${entry.clip}/headers`, clipHeaders)
    return {
      name: `${relay.origin}/v1/clips/${entry.clip}`,
      clip: {
        manifest: clipManifest.parse(entry.manifest),
        deviceCertificate: deviceCertificate.parse(entry.deviceCertificate),
        descriptors: entry.descriptors,
      },
      keyset,
      headers: new Map(
        headers.map(({ index, header, nonce }) => [
          index,
          { header: decodeBase64url(header), nonce: decodeBase64url(nonce) },
        ]),
      ),
    }
  }
  throw new LatchkeyError('NOT_FOUND', 'the relay lists no such clip')
}
