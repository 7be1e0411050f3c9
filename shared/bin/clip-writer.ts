import { encodeBase64url } from '../src/bytes/base64url.ts'
import { concatBytes } from '../src/bytes/bytes.ts'
import { digestOf, randomBytes } from '../src/crypto/hash.ts'
import { sealItem } from '../src/crypto/seal.ts'
import { hashLeaf, rootOfLeaves } from '../src/tlog/merkle.ts'
import { clipManifest, encodeDescriptor, type ItemDescriptor, type ItemKind, MAX_ITEMS } from '../src/wire/clip.ts'
import { LatchkeyError } from '../src/errors.ts'
import type { Signed } from '../src/wire/jws.ts'
import type { ClipManifest, ClockStatement } from '../src/wire/clip.ts'
import type { Keyset } from '../src/wire/keyset.ts'
import { CLIP_FILES, sealedItemName } from './clip-folder.ts'
import type { Device } from './device-folder.ts'
import { createOutputFolder, jsonText } from './disk-files.ts'

/** An item in the clear: in memory only. */
export interface PlainItem {
  readonly kind: ItemKind
  readonly startMs: number
  readonly durationMs: number
  readonly bytes: Uint8Array
}

/** What is the same for every clip of one recording. */
export interface Recording {
  readonly keyset: Signed<Keyset>
  /** 16 bytes, base64url: shared by all clips of one recording. */
  readonly event: string
  readonly boot: string
  readonly startMs: number
  readonly clock: ClockStatement
  readonly software: string
  readonly nowMs: () => number
}

/** A clip that is being sealed into a folder. */
export interface ClipWriter extends AsyncDisposable {
  /** Items so far. */
  readonly items: number
  /** Seals and writes the next item; its plaintext never reaches the disk. */
  add(item: PlainItem): Promise<void>
  /** Signs the final manifest. */
  sign(device: Device): Promise<Signed<ClipManifest>>
  /** Gives the folder its name. */
  finish(): Promise<void>
}

/** Starts a clip in the new folder `path`. @throws USAGE when it exists */
export async function createClipWriter(path: string, recording: Recording): Promise<ClipWriter> {
  const folder = await createOutputFolder(path)
  const { members, recovery } = recording.keyset.payload.latchkey
  const recipients = [...members.map((member) => member.recipient), recovery]
  const descriptors: ItemDescriptor[] = []

  async function add({ kind, startMs, durationMs, bytes }: PlainItem): Promise<void> {
    if (descriptors.length === MAX_ITEMS) throw new LatchkeyError('SOURCE_UNSUPPORTED', 'too many pieces for a clip')
    const { header, payload, keyCommitment, plaintextCommitment } = sealItem(bytes, recipients)
    const descriptor: ItemDescriptor = {
      index: descriptors.length,
      kind,
      startMs,
      durationMs,
      payloadSha256: digestOf(payload),
      payloadBytes: payload.length,
      keyCommitment: encodeBase64url(keyCommitment),
      plaintextCommitment: encodeBase64url(plaintextCommitment),
    }
    await folder.write(sealedItemName(descriptor), concatBytes(header, payload))
    descriptors.push(descriptor)
  }

  async function sign(device: Device): Promise<Signed<ClipManifest>> {
    const manifest = clipManifest.parse(
      await clipManifest.encode(manifestOf(descriptors, recording, device), device.signer),
    )
    await folder.write(CLIP_FILES.manifest, manifest.raw)
    await folder.write(CLIP_FILES.device, device.certificate.raw)
    await folder.write(CLIP_FILES.keyset, recording.keyset.raw)
    await folder.write(CLIP_FILES.descriptors, jsonText(descriptors))
    return manifest
  }

  return {
    get items() {
      return descriptors.length
    },
    add,
    sign,
    finish: () => folder.finish(),
    [Symbol.asyncDispose]: () => folder[Symbol.asyncDispose](),
  }
}

function manifestOf(descriptors: readonly ItemDescriptor[], recording: Recording, device: Device): ClipManifest {
  const media = descriptors.filter((item) => item.kind === 'media')
  const startMs = media[0]!.startMs
  return {
    iss: device.signer.urn,
    iat: Math.floor(recording.nowMs() / 1000),
    latchkey: {
      v: 1,
      deviceCertificate: device.certificate.digest,
      keyset: recording.keyset.digest,
      epoch: device.certificate.payload.latchkey.epoch,
      clip: encodeBase64url(randomBytes(16)),
      event: recording.event,
      sequence: device.sequence + 1,
      previous: device.previous,
      revision: 1,
      open: false,
      startMs,
      endMs: media.at(-1)!.startMs + media.at(-1)!.durationMs,
      clock: recording.clock,
      boot: recording.boot,
      monotonicStartMs: startMs - recording.startMs,
      seen: null,
      items: descriptors.length,
      itemsRoot: encodeBase64url(rootOfLeaves(descriptors.map((item) => hashLeaf(encodeDescriptor(item))))),
      gaps: [],
      masks: null,
      software: recording.software,
    },
  }
}
