import type { ItemDescriptor, ItemKind } from '../wire/clip.ts'

/** Where signed objects and proofs lie. */
export const PROOF = 'data/proof/'
/** Where sealed items lie. */
export const MEDIA = 'data/media/'
/** What the owner told about themselves, sealed to the requester; only where the consent names it. */
export const IDENTITY_ITEM = 'data/identity.json.age'
export const PAYLOAD_MANIFEST = 'manifest-sha256.txt'
export const TAG_MANIFEST = 'tagmanifest-sha256.txt'
/** The name findings about the container itself carry. */
export const CONTAINER = 'bundle.zip'

/** Files of `data/proof/` that stand in every bundle under one name. */
export const PROOF_FILES = {
  root: `${PROOF}root.jwk.json`,
  device: `${PROOF}device.jws`,
  manifest: `${PROOF}manifest.jws`,
  items: `${PROOF}items.json`,
  request: `${PROOF}request.jws`,
  investigator: `${PROOF}investigator.jws`,
  agency: `${PROOF}agency.json`,
  policy: `${PROOF}policy.json`,
  consent: `${PROOF}consent.jws`,
  release: `${PROOF}release.jws`,
  dpop: `${PROOF}dpop.jws`,
  leaves: `${PROOF}leaves.json`,
  notice: `${PROOF}notice.txt`,
  custody: `${PROOF}custody.jsonl`,
} as const

const ITEM_SUFFIX: Record<ItemKind, string> = {
  init: 'init.mp4',
  media: 'media.m4s',
  audioInit: 'audio-init.mp4',
  audio: 'audio.m4s',
  poster: 'poster.jpg',
  meta: 'meta.json',
}

/** File name of an item's plaintext: five digits, so that the order of names is the order of items. */
export function itemName({ index, kind }: Pick<ItemDescriptor, 'index' | 'kind'>): string {
  return `${String(index).padStart(5, '0')}-${ITEM_SUFFIX[kind]}`
}

/** Path of a sealed item. */
export function itemPath(clip: string, descriptor: Pick<ItemDescriptor, 'index' | 'kind'>): string {
  return `${MEDIA}${clip}/${itemName(descriptor)}.age`
}

/** Path of keyset `version`, and of what accompanied its change when `part` is given. */
export function keysetPath(version: number, part?: 'ack' | 'device' | `approval-${number}`): string {
  return `${PROOF}keyset-${String(version).padStart(4, '0')}${part === undefined ? '' : `-${part}`}.jws`
}

/** Path of the `number`-th (from 1) approval or revocation. */
export function numberedPath(kind: 'approval' | 'revocation', number: number): string {
  return `${PROOF}${kind}-${number}.jws`
}

/** Path of the log proof of an object. */
export function tlogProofPath(objectPath: string): string {
  return `${objectPath.replace(/\.(?:jws|json)$/, '')}.tlog-proof`
}

/** One spelling of order for everything that is listed. */
export function comparePaths(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}
