import { toHex } from '../bytes/bytes.ts'
import { comparePaths, PAYLOAD_MANIFEST, TAG_MANIFEST } from './bundle-paths.ts'

/** Hexadecimal SHA-256 by path. */
export type BagHashes = ReadonlyMap<string, string>

/** Does `path` belong to the bag's payload? The rest are tag files. @see RFC 8493 §2.1.2 */
export function isPayloadPath(path: string): boolean {
  return path.startsWith('data/')
}

/** Tag files that `tagmanifest-sha256.txt` covers: all but itself. @see RFC 8493 §2.2.1 */
export function isTagPath(path: string): boolean {
  return !isPayloadPath(path) && path !== TAG_MANIFEST
}

/** A manifest file: one line per file, sorted by path. @see RFC 8493 §2.1.3 */
export function renderBagManifest(hashes: BagHashes): string {
  return [...hashes]
    .sort(([a], [b]) => comparePaths(a, b))
    .map(([path, hash]) => `${hash}  ${path}\n`)
    .join('')
}

/** Size of {@link renderBagManifest} before any hash is known. */
export function bagManifestSizeOf(paths: readonly string[]): number {
  return paths.reduce((sum, path) => sum + 64 + 2 + path.length + 1, 0)
}

/** Lines of a manifest file, or null when it is not in the one form that {@link renderBagManifest} writes. Untrusted: `text`. */
export function parseBagManifest(text: string): BagHashes | null {
  const hashes = new Map<string, string>()
  if (text !== '' && !text.endsWith('\n')) return null
  for (const line of text.split('\n').slice(0, -1)) {
    const [, hash, path] = /^([0-9a-f]{64}) {2}([!-~]+)$/.exec(line) ?? []
    if (hash === undefined || path === undefined) return null
    hashes.set(path, hash)
  }
  return renderBagManifest(hashes) === text ? hashes : null
}

/** The two manifest files, in the order in which they can be written. */
export const BAG_MANIFESTS = [PAYLOAD_MANIFEST, TAG_MANIFEST] as const

/** SHA-256 as bag manifests write it. */
export const bagHash = (sha256: Uint8Array): string => toHex(sha256)
