import {
  B64u,
  B64u32,
  canonicalBytes,
  concatBytes,
  createValidator,
  decodeBase64url,
  DigestField,
  encodeBase64url,
  EpochMs,
  Exact,
  Jwk,
  LatchkeyError,
  parseCanonicalJson,
  parseWith,
  rawKeyOf,
  type Signer,
  thumbprintOf,
  utf8,
  verifyEd25519,
  Version1,
} from '@latchkey/shared'
import { Type, type Static } from 'typebox'

/** What an update is of. */
export const UPDATE_PACKAGE = 'latchkey-agent'
/** A manifest is a few hundred bytes; what is longer is none. */
export const MAX_MANIFEST_BYTES = 16 * 1024
/** The package is about 40 MB; it is held in memory while it is checked, on a Pi with 512 MB. */
export const MAX_PACKAGE_BYTES = 96 * 1024 * 1024
/** Signatures are over this and the claims, so that no other message of the system can be taken for an update. */
const SIGNATURE_CONTEXT = utf8('latchkey-agent-update-v1\n')

const VersionText = Type.String({ pattern: '^(0|[1-9][0-9]{0,4})(\\.(0|[1-9][0-9]{0,4})){2}$' })

/** One architecture's package, beside the manifest. */
const PackageFile = Exact({
  architecture: Type.Union([Type.Literal('amd64'), Type.Literal('arm64')]),
  file: Type.String({ pattern: '^[a-z0-9][a-z0-9._-]{1,120}\\.deb$' }),
  sha256: DigestField,
  sizeBytes: Type.Integer({ minimum: 1, maximum: MAX_PACKAGE_BYTES }),
})
export type PackageFile = Static<typeof PackageFile>

/** What the release keys sign. */
const Update = Exact({
  v: Version1,
  package: Type.Literal(UPDATE_PACKAGE),
  /** Three numbers; higher than what is installed, or it is refused. */
  version: VersionText,
  issuedMs: EpochMs,
  files: Type.Array(PackageFile, { minItems: 1, maxItems: 2 }),
})
export type Update = Static<typeof Update>

const Manifest = Exact({
  update: Update,
  signatures: Type.Array(Exact({ key: B64u32, signature: B64u(86) }), { minItems: 1, maxItems: 16 }),
})
/** An update with its signatures; its file is the RFC 8785 form of this. */
export type UpdateManifest = Static<typeof Manifest>
const manifestValidator = createValidator(Manifest)

/** Who may sign updates, and how many of them have to. */
const ReleaseKeys = Exact({
  threshold: Type.Integer({ minimum: 1, maximum: 16 }),
  keys: Type.Array(Jwk, { maxItems: 16 }),
})
export type ReleaseKeys = Static<typeof ReleaseKeys>
const releaseKeysValidator = createValidator(ReleaseKeys)

/**
 * The keys file of the package.
 * @throws KEY_INVALID for a key that stands twice, MESSAGE_INVALID for another form
 */
export function parseReleaseKeys(value: unknown): ReleaseKeys {
  const keys = parseWith(releaseKeysValidator, value, 'release keys')
  if (new Set(keys.keys.map(thumbprintOf)).size !== keys.keys.length)
    throw new LatchkeyError('KEY_INVALID', 'a release key stands twice')
  return keys
}

const signedBytes = (update: Update) => concatBytes(SIGNATURE_CONTEXT, canonicalBytes(update))

/** Adds one signature to an update, in place of an earlier one by the same key. */
export async function signUpdate(
  manifest: Omit<UpdateManifest, 'signatures'> & Partial<UpdateManifest>,
  signer: Signer,
) {
  const signature = encodeBase64url(await signer.sign(signedBytes(manifest.update)))
  const others = (manifest.signatures ?? []).filter(({ key }) => key !== signer.thumbprint)
  return { update: manifest.update, signatures: [...others, { key: signer.thumbprint, signature }] }
}

/** The form alone; signatures are not looked at. Untrusted: `bytes`. @throws MESSAGE_TOO_LARGE | JSON_… | MESSAGE_INVALID */
export function parseUpdateManifest(bytes: Uint8Array): UpdateManifest {
  if (bytes.length > MAX_MANIFEST_BYTES) throw new LatchkeyError('MESSAGE_TOO_LARGE', 'the update manifest is too long')
  return parseWith(manifestValidator, parseCanonicalJson(bytes), 'update manifest')
}

/**
 * An update that enough release keys have signed. Untrusted: `bytes`.
 * @throws KEY_INVALID when there are no release keys; SIGNATURE_INVALID for too few good signatures; and as
 *   {@link parseUpdateManifest}
 */
export function verifyUpdateManifest(bytes: Uint8Array, { threshold, keys }: ReleaseKeys): Update {
  if (keys.length < threshold)
    throw new LatchkeyError('KEY_INVALID', 'this package names too few release keys, so no update can be checked')
  const { update, signatures } = parseUpdateManifest(bytes)
  const message = signedBytes(update)
  const signed = keys.filter((jwk) => {
    const found = signatures.find(({ key }) => key === thumbprintOf(jwk))
    return found !== undefined && verifyEd25519(rawKeyOf(jwk), message, decodeBase64url(found.signature))
  })
  if (signed.length < threshold)
    throw new LatchkeyError(
      'SIGNATURE_INVALID',
      `the update has ${signed.length} good signatures by release keys of this package and needs ${threshold}`,
    )
  return update
}

/** Below 0 when version `a` is lower than `b`, 0 when they are the same. Both are three numbers. */
export function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split('.').map(Number))
  const at = left!.findIndex((number, index) => number !== right![index])
  return at === -1 ? 0 : left![at]! - right![at]!
}
