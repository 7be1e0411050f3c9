import { encodeBase64url } from '../bytes/base64url.ts'
import { concatBytes, utf8 } from '../bytes/bytes.ts'
import { canonicalBytes } from '../bytes/canonical-json.ts'
import { digestOf, sha256 } from '../crypto/hash.ts'
import type { PublicJwk } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import type { BundleAgency, BundleItems, BundleLeaf } from '../wire/bundle.ts'
import { clipManifest, type ItemDescriptor } from '../wire/clip.ts'
import type { Policy } from '../wire/policy.ts'
import { bagHash, bagManifestSizeOf, isPayloadPath, isTagPath, renderBagManifest } from './bag.ts'
import { parseBundleCase } from './bundle-case.ts'
import {
  comparePaths,
  IDENTITY_ITEM,
  itemPath,
  keysetPath,
  numberedPath,
  PAYLOAD_MANIFEST,
  PROOF,
  PROOF_FILES,
  TAG_MANIFEST,
  tlogProofPath,
} from './bundle-paths.ts'
import { derivedProofFiles, derivedTagFiles } from './bundle-derived.ts'
import { leafIdentityOf } from './bundle-leaf.ts'
import { writeZip, zipSizeOf } from './zip-writer.ts'

/** Where an object stands in the log. */
export interface LoggedAt {
  readonly index: number
  /** The leaf's hour. */
  readonly hour: number
  /** Of a sealed leaf: 32 bytes, base64url; null for public leaves. */
  readonly salt: string | null
  /** A `c2sp.org/tlog-proof@v1` file. */
  readonly proof: Uint8Array
}

/** A signed object, and its place in the log where there is one. */
export interface LoggedJws {
  readonly jws: string
  readonly logged: LoggedAt | null
}

/** One keyset, and what accompanied its change. */
export interface KeysetPart extends LoggedJws {
  readonly ack?: { readonly jws: string; readonly deviceCertificate: string }
  readonly approvals?: readonly string[]
}

/** One released item. Its payload is read when its turn comes, so that a bundle is never in memory as a whole. */
export interface ItemPart {
  readonly descriptor: ItemDescriptor
  /** RFC 6962 proof in the manifest's `itemsRoot`. */
  readonly inclusion: readonly Uint8Array[]
  /** The consent's header: 168 bytes. */
  readonly header: Uint8Array
  /** nonce ‖ chunks: `descriptor.payloadBytes` bytes. */
  readPayload(): Uint8Array | Promise<Uint8Array>
}

/** Everything a bundle is made of. */
export interface BundleParts {
  readonly root: PublicJwk
  /** From version 1 to the consent's. */
  readonly keysets: readonly KeysetPart[]
  readonly device: LoggedJws
  readonly manifest: string
  /** The consent's items, index order. */
  readonly items: readonly ItemPart[]
  readonly request: LoggedJws
  readonly investigator: string
  readonly agency: { readonly data: BundleAgency; readonly logged: LoggedAt | null }
  readonly policy: { readonly data: Policy; readonly logged: LoggedAt | null }
  readonly consent: LoggedJws
  readonly approvals: readonly LoggedJws[]
  /** Null where no relay released it. */
  readonly release: (LoggedJws & { readonly dpop: string }) | null
  readonly revocations: readonly LoggedJws[]
  /** The sealed identity item; null where the consent names none. */
  readonly disclosure: Uint8Array | null
}

/** A file of the bundle whose bytes may still lie in a store. */
export interface BundleFile {
  readonly path: string
  readonly sizeBytes: number
  /** Reads the whole file; the answer must have `sizeBytes` bytes. */
  read(): Uint8Array | Promise<Uint8Array>
}

/** A file of the bundle. */
export interface BundleEntry {
  readonly path: string
  readonly bytes: Uint8Array
}

type ProofEntry = readonly [path: string, bytes: Uint8Array, logged: LoggedAt | null]

const jwsEntry = (path: string, { jws, logged }: LoggedJws): ProofEntry => [path, utf8(jws), logged]
const bareEntry = (path: string, jws: string): ProofEntry => [path, utf8(jws), null]

function keysetEntries(parts: readonly KeysetPart[]): ProofEntry[] {
  return parts.flatMap((part, i) => [
    jwsEntry(keysetPath(i + 1), part),
    ...(part.ack
      ? [
          bareEntry(keysetPath(i + 1, 'ack'), part.ack.jws),
          bareEntry(keysetPath(i + 1, 'device'), part.ack.deviceCertificate),
        ]
      : []),
    ...(part.approvals ?? []).map((jws, n) => bareEntry(keysetPath(i + 1, `approval-${n + 1}`), jws)),
  ])
}

function proofEntries(parts: BundleParts, clip: string): ProofEntry[] {
  return [
    [PROOF_FILES.root, canonicalBytes(parts.root), null],
    ...keysetEntries(parts.keysets),
    jwsEntry(PROOF_FILES.device, parts.device),
    bareEntry(PROOF_FILES.manifest, parts.manifest),
    [PROOF_FILES.items, canonicalBytes(itemsFile(parts.items, clip)), null],
    jwsEntry(PROOF_FILES.request, parts.request),
    bareEntry(PROOF_FILES.investigator, parts.investigator),
    [PROOF_FILES.agency, canonicalBytes(parts.agency.data), parts.agency.logged],
    [PROOF_FILES.policy, canonicalBytes(parts.policy.data), parts.policy.logged],
    jwsEntry(PROOF_FILES.consent, parts.consent),
    ...parts.approvals.map((part, i) => jwsEntry(numberedPath('approval', i + 1), part)),
    ...(parts.release
      ? [jwsEntry(PROOF_FILES.release, parts.release), bareEntry(PROOF_FILES.dpop, parts.release.dpop)]
      : []),
    ...parts.revocations.map((part, i) => jwsEntry(numberedPath('revocation', i + 1), part)),
    ...(parts.disclosure ? [[IDENTITY_ITEM, parts.disclosure, null] as const] : []),
  ]
}

function itemsFile(items: readonly ItemPart[], clip: string): BundleItems {
  return {
    v: 1,
    clip,
    items: items.map(({ descriptor, header, inclusion }) => ({
      descriptor,
      file: itemPath(clip, descriptor),
      headerSha256: digestOf(header),
      inclusion: inclusion.map(encodeBase64url),
    })),
  }
}

function leavesFile(entries: readonly ProofEntry[]): Uint8Array {
  const leaves = entries.flatMap(([path, , logged]): BundleLeaf[] => {
    if (logged === null) return []
    const { index, hour, salt } = logged
    return [{ file: path.slice(PROOF.length), hour, index, salt, ...leafIdentityOf(path) }]
  })
  return canonicalBytes({ v: 1, leaves: leaves.sort((a, b) => a.index - b.index) })
}

/** Every file of `data/proof/` but the two derived ones, and the sealed identity. */
function proofFiles(parts: BundleParts, clip: string): Map<string, Uint8Array> {
  const entries = proofEntries(parts, clip)
  const files = new Map(entries.map(([path, bytes]) => [path, bytes]))
  files.set(PROOF_FILES.leaves, leavesFile(entries))
  for (const [path, , logged] of entries) if (logged !== null) files.set(tlogProofPath(path), logged.proof)
  return files
}

function mediaFiles(parts: BundleParts, clip: string): BundleFile[] {
  return parts.items.map((item) => ({
    path: itemPath(clip, item.descriptor),
    sizeBytes: item.header.length + item.descriptor.payloadBytes,
    read: async () => concatBytes(item.header, await item.readPayload()),
  }))
}

function inMemory([path, bytes]: readonly [string, Uint8Array]): BundleFile {
  return { path, sizeBytes: bytes.length, read: () => bytes }
}

/**
 * The files of a bundle in the order in which they are written: tag files, proofs, media. The two hash manifests come
 * last and are made while the others are read: see {@link bundleEntries}.
 * @throws BUNDLE_INVALID when the parts do not parse (the relay stores only what did)
 */
export function bundleFiles(parts: BundleParts): BundleFile[] {
  const { clip } = clipManifest.parse(parts.manifest).payload.latchkey
  const proofs = proofFiles(parts, clip)
  const { bundleCase, findings } = parseBundleCase(proofs)
  if (bundleCase === null)
    throw new LatchkeyError('BUNDLE_INVALID', `${findings[0]?.file}: ${findings[0]?.message ?? 'does not parse'}`)
  for (const [path, bytes] of derivedProofFiles(bundleCase)) proofs.set(path, bytes)
  const sortedProofs = [...proofs].sort(([a], [b]) => comparePaths(a, b)).map(inMemory)
  const payload = [...sortedProofs, ...mediaFiles(parts, clip)]
  const tags = derivedTagFiles(
    bundleCase,
    payload.map((file) => file.sizeBytes),
  )
  return [...[...tags].map(inMemory), ...payload]
}

/**
 * Every file of a bundle, each read once, hashed as it passes, the hash manifests last.
 * @throws BUNDLE_INVALID when a payload has not the size that its descriptor states
 */
export async function* bundleEntries(parts: BundleParts): AsyncGenerator<BundleEntry> {
  const hashes = new Map<string, string>()
  const hashed = (path: string, bytes: Uint8Array): BundleEntry => {
    hashes.set(path, bagHash(sha256(bytes)))
    return { path, bytes }
  }
  for (const file of bundleFiles(parts)) {
    const bytes = await file.read()
    if (bytes.length !== file.sizeBytes)
      throw new LatchkeyError('BUNDLE_INVALID', `${file.path} has ${bytes.length} bytes, expected ${file.sizeBytes}`)
    yield hashed(file.path, bytes)
  }
  const of = (belongs: (path: string) => boolean) => new Map([...hashes].filter(([path]) => belongs(path)))
  yield hashed(PAYLOAD_MANIFEST, utf8(renderBagManifest(of(isPayloadPath))))
  yield { path: TAG_MANIFEST, bytes: utf8(renderBagManifest(of(isTagPath))) }
}

/** Paths and sizes of what {@link bundleEntries} yields, in its order, without reading any payload. */
export function bundleSizes(parts: BundleParts): { path: string; sizeBytes: number }[] {
  const files = bundleFiles(parts).map(({ path, sizeBytes }) => ({ path, sizeBytes }))
  const paths = files.map(({ path }) => path)
  return [
    ...files,
    { path: PAYLOAD_MANIFEST, sizeBytes: bagManifestSizeOf(paths.filter(isPayloadPath)) },
    { path: TAG_MANIFEST, sizeBytes: bagManifestSizeOf([...paths, PAYLOAD_MANIFEST].filter(isTagPath)) },
  ]
}

/** A bundle as a zip stream: one item in memory at a time, the same bytes every time. @throws BUNDLE_INVALID */
export function bundleZip(parts: BundleParts): AsyncGenerator<Uint8Array> {
  return writeZip(bundleEntries(parts))
}

/** Size of {@link bundleZip} in bytes, for `Content-Length` and ranges. @throws BUNDLE_INVALID */
export function bundleZipSize(parts: BundleParts): number {
  return zipSizeOf(bundleSizes(parts))
}
