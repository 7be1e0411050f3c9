import { canonicalJson } from '../bytes/canonical-json.ts'
import type { Signed } from '../wire/jws.ts'
import type { BundleCase } from './bundle-case.ts'
import { comparePaths, keysetPath, numberedPath, PROOF, PROOF_FILES } from './bundle-paths.ts'

/** What became of the clip, in the words of the custody file. */
type CustodyEvent =
  | 'household-changed'
  | 'button-pressed'
  | 'device-certified'
  | 'captured'
  | 'investigator-certified'
  | 'requested'
  | 'consented'
  | 'approved'
  | 'download-asked'
  | 'released'
  | 'revoked'

interface CustodyLine {
  /** Seconds since 1970 by the signer's own clock. */
  readonly atSeconds: number
  readonly digest: string
  readonly event: CustodyEvent
  /** Below `data/proof/`. */
  readonly file: string
  /** Log index; null for objects that are not logged themselves. */
  readonly index: number | null
  /** Thumbprint of the signing key. */
  readonly signer: string
}

type Described = readonly [path: string, event: CustodyEvent, signed: Signed<{ iat: number }>]

function keysetObjects({ keysets }: BundleCase): Described[] {
  return keysets.flatMap(({ keyset, ack, approvals }): Described[] => {
    const { version } = keyset.payload.latchkey
    const pressed: Described[] = ack
      ? [
          [keysetPath(version, 'ack'), 'button-pressed', ack.signed],
          [keysetPath(version, 'device'), 'device-certified', ack.certificate],
        ]
      : []
    return [
      [keysetPath(version), 'household-changed', keyset],
      ...pressed,
      ...approvals.map((signed, i): Described => [keysetPath(version, `approval-${i + 1}`), 'approved', signed]),
    ]
  })
}

function signedObjects(bundleCase: BundleCase): Described[] {
  const { device, manifest, investigator, request, consent, approvals, release, revocations } = bundleCase
  return [
    ...keysetObjects(bundleCase),
    [PROOF_FILES.device, 'device-certified', device],
    [PROOF_FILES.manifest, 'captured', manifest],
    [PROOF_FILES.investigator, 'investigator-certified', investigator],
    [PROOF_FILES.request, 'requested', request],
    [PROOF_FILES.consent, 'consented', consent],
    ...approvals.map((signed, i): Described => [numberedPath('approval', i + 1), 'approved', signed]),
    ...(release ? [[PROOF_FILES.release, 'released', release] satisfies Described] : []),
    ...revocations.map((signed, i): Described => [numberedPath('revocation', i + 1), 'revoked', signed]),
  ]
}

function custodyLines(bundleCase: BundleCase): CustodyLine[] {
  const indexes = new Map(bundleCase.leaves.leaves.map(({ file, index }) => [file, index]))
  const lines = signedObjects(bundleCase).map(([path, event, signed]): CustodyLine => {
    const file = path.slice(PROOF.length)
    const index = indexes.get(file) ?? null
    return { atSeconds: signed.payload.iat, digest: signed.digest, event, file, index, signer: signed.kid }
  })
  const { dpop } = bundleCase
  if (dpop)
    lines.push({
      atSeconds: dpop.claims.iat,
      digest: dpop.digest,
      event: 'download-asked',
      file: PROOF_FILES.dpop.slice(PROOF.length),
      index: null,
      signer: dpop.thumbprint,
    })
  return lines
}

/** The log's order first, because no signer chose it; what is not logged stands before, by its own clock. */
function compareLines(a: CustodyLine, b: CustodyLine): number {
  return (a.index ?? -1) - (b.index ?? -1) || a.atSeconds - b.atSeconds || comparePaths(a.file, b.file)
}

/** `custody.jsonl`: one canonical JSON line per signed object, by log index. Pure, so that the verifier recomputes it. */
export function renderCustody(bundleCase: BundleCase): string {
  return custodyLines(bundleCase)
    .sort(compareLines)
    .map((line) => `${canonicalJson(line)}\n`)
    .join('')
}
