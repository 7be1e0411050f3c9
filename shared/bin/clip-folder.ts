import { createReadStream } from 'node:fs'
import { join } from 'node:path'
import { Type } from 'typebox'
import type { FetchedHeader } from '../src/consent/consent-build.ts'
import { MAX_HEADER_BYTES, splitAgeFile } from '../src/crypto/age-header.ts'
import { PAYLOAD_NONCE_BYTES } from '../src/crypto/age-payload.ts'
import { itemName } from '../src/verify/bundle-paths.ts'
import { type ClipManifest, clipManifest, ItemDescriptor, MAX_ITEM_BYTES, MAX_ITEMS } from '../src/wire/clip.ts'
import { type DeviceCertificate, deviceCertificate } from '../src/wire/device.ts'
import type { Signed } from '../src/wire/jws.ts'
import { type Keyset, keyset } from '../src/wire/keyset.ts'
import { createValidator, parseWith } from '../src/wire/schema.ts'
import { readBytes, readJsonFile } from './disk-files.ts'
import { inFile } from './failure.ts'
import { loadSigned } from './household-folder.ts'

/** Names inside the folder that `seal` makes; beside them the items, `NNNNN-….age`. */
export const CLIP_FILES = {
  manifest: 'manifest.jws',
  descriptors: 'descriptors.json',
  device: 'device.jws',
  keyset: 'keyset.jws',
} as const

const MAX_DESCRIPTORS_BYTES = 4 * 1024 * 1024
const descriptorList = createValidator(Type.Array(ItemDescriptor, { minItems: 1, maxItems: MAX_ITEMS }))

/** A clip as its household holds it: forms are checked, nothing is believed yet. */
export interface Clip {
  readonly manifest: Signed<ClipManifest>
  readonly deviceCertificate: Signed<DeviceCertificate>
  readonly descriptors: readonly ItemDescriptor[]
}

/** File name of a sealed item. */
export const sealedItemName = (item: Pick<ItemDescriptor, 'index' | 'kind'>) => `${itemName(item)}.age`

/** A clip's signed objects. Untrusted. @throws the codes of parsing */
export async function loadClip(folder: string): Promise<Clip & { readonly keyset: Signed<Keyset> }> {
  const path = join(folder, CLIP_FILES.descriptors)
  const value = await readJsonFile(path, MAX_DESCRIPTORS_BYTES)
  return {
    manifest: await loadSigned(clipManifest, join(folder, CLIP_FILES.manifest)),
    deviceCertificate: await loadSigned(deviceCertificate, join(folder, CLIP_FILES.device)),
    keyset: await loadSigned(keyset, join(folder, CLIP_FILES.keyset)),
    descriptors: await inFile(path, () => parseWith(descriptorList, value, 'descriptors')),
  }
}

async function readPrefix(path: string, sizeBytes: number): Promise<Uint8Array> {
  const chunks: Buffer[] = []
  for await (const chunk of createReadStream(path, { end: sizeBytes - 1 })) chunks.push(chunk as Buffer)
  return new Uint8Array(Buffer.concat(chunks))
}

/** Headers of the clip's items by index: all that consenting needs. Items whose file is away are left out. */
export async function loadHeaders(
  folder: string,
  descriptors: readonly ItemDescriptor[],
): Promise<Map<number, FetchedHeader>> {
  const headers = new Map<number, FetchedHeader>()
  for (const descriptor of descriptors) {
    const path = join(folder, sealedItemName(descriptor))
    const prefix = await readPrefix(path, MAX_HEADER_BYTES + PAYLOAD_NONCE_BYTES).catch(() => null)
    if (prefix === null) continue
    const { header, payload } = await inFile(path, () => splitAgeFile(prefix))
    headers.set(descriptor.index, { header, nonce: payload.subarray(0, PAYLOAD_NONCE_BYTES) })
  }
  return headers
}

/** A sealed item's payload: everything after the header that stands in the file. @throws AGE_HEADER_INVALID */
export async function loadPayload(folder: string, descriptor: ItemDescriptor): Promise<Uint8Array> {
  const path = join(folder, sealedItemName(descriptor))
  const file = await readBytes(path, MAX_ITEM_BYTES)
  return inFile(path, () => splitAgeFile(file).payload)
}
