import { decodeBase64url } from '../bytes/base64url.ts'
import { utf8 } from '../bytes/bytes.ts'
import { cellsOfPolygon } from '../area/cells.ts'
import { areaM2Of } from '../area/polygon.ts'
import { normalCaseNumber } from '../consent/case-number.ts'
import { digestOf, digestOfJson } from '../crypto/hash.ts'
import { rawKeyOf } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { encodeLeaf, keysetLabel, type Leaf, type LeafData, type SealedKind, sealedLeafData } from '../tlog/leaf.ts'
import type { BundleLeaf } from '../wire/bundle.ts'
import type { Signed } from '../wire/jws.ts'
import type { ClipRequest } from '../wire/request.ts'
import type { BundleCase, BundleFiles } from './bundle-case.ts'
import { PROOF, PROOF_FILES } from './bundle-paths.ts'

/** Which leaf an object of the bundle has. */
export interface LeafIdentity {
  readonly type: 'request' | 'agency' | 'policy' | 'keyset' | 'sealed'
  readonly kind: SealedKind | null
}

const IDENTITIES: readonly (readonly [RegExp, LeafIdentity])[] = [
  [/^keyset-\d{4}\.jws$/, { type: 'keyset', kind: null }],
  [/^device\.jws$/, { type: 'sealed', kind: 'device' }],
  [/^request\.jws$/, { type: 'request', kind: null }],
  [/^agency\.json$/, { type: 'agency', kind: null }],
  [/^policy\.json$/, { type: 'policy', kind: null }],
  [/^consent\.jws$/, { type: 'sealed', kind: 'consent' }],
  [/^approval-\d+\.jws$/, { type: 'sealed', kind: 'approval' }],
  [/^release\.jws$/, { type: 'sealed', kind: 'release' }],
  [/^revocation-\d+\.jws$/, { type: 'sealed', kind: 'revoke' }],
]

/** The leaf that belongs to a file of `data/proof/`. @throws BUNDLE_INVALID for objects that are not logged */
export function leafIdentityOf(path: string): LeafIdentity {
  const file = path.startsWith(PROOF) ? path.slice(PROOF.length) : path
  const found = IDENTITIES.find(([pattern]) => pattern.test(file))
  if (!found) throw new LatchkeyError('BUNDLE_INVALID', `${file} has no leaf`)
  return found[1]
}

/**
 * The public stub of a request: what everyone can see in the log. A pure function of the request, so that relay and
 * verifier write the same leaf.
 * @throws AREA_INVALID | AREA_TOO_LARGE for an area that no cells cover
 * @see protocol §8
 */
export function requestLeafData(request: Signed<ClipRequest>): LeafData<'request'> {
  const { iss, authorization_details, latchkey } = request.payload
  const { window, area } = authorization_details[0]!
  return {
    agency: iss,
    requestDigest: request.digest,
    policy: latchkey.policy,
    incidentType: latchkey.incidentType,
    cells: cellsOfPolygon(area),
    areaM2: areaM2Of(area),
    windowStartMs: window.startMs,
    windowEndMs: window.endMs,
    caseHash: digestOf(utf8(normalCaseNumber(latchkey.caseNumber))),
  }
}

function publicData(bundleCase: BundleCase, path: string): unknown {
  switch (leafIdentityOf(path).type) {
    case 'request':
      return requestLeafData(bundleCase.request)
    case 'agency':
      return bundleCase.agency
    case 'policy':
      return { digest: digestOfJson(bundleCase.policy) }
    case 'keyset': {
      const version = Number(/\d{4}/.exec(path)?.[0])
      const entry = bundleCase.keysets[version - 1]
      return { label: keysetLabel(rawKeyOf(bundleCase.root), version), digest: entry?.keyset.digest }
    }
    case 'sealed':
      throw new LatchkeyError('INTERNAL', 'a sealed leaf has no public data')
  }
}

/**
 * The bytes of the leaf that `leaf` describes, recomputed from its object.
 * @throws BUNDLE_INVALID (no such object, or another type, kind or salt than it has) and what `encodeLeaf` throws
 */
export function leafBytes(bundleCase: BundleCase, files: BundleFiles, leaf: BundleLeaf): Uint8Array {
  const path = PROOF + leaf.file
  const object = files.get(path)
  const { type, kind } = leafIdentityOf(path)
  if (object === undefined || leaf.type !== type || leaf.kind !== kind || (leaf.salt === null) !== (kind === null))
    throw new LatchkeyError('BUNDLE_INVALID', `the leaf of ${leaf.file} is not one this object has`)
  const data = kind === null ? publicData(bundleCase, path) : sealedLeafData(decodeBase64url(leaf.salt!), kind, object)
  return encodeLeaf({ v: 1, type, data, hour: leaf.hour } as Leaf)
}

/** Paths of all objects that have a leaf of their own. */
export function loggedPaths(bundleCase: BundleCase, files: BundleFiles): string[] {
  const paths = [...files.keys()].filter((path) => {
    const file = path.slice(PROOF.length)
    return path.startsWith(PROOF) && IDENTITIES.some(([pattern]) => pattern.test(file))
  })
  return bundleCase.release === null ? paths.filter((path) => path !== PROOF_FILES.release) : paths
}
