import { equalBytes } from '../../bytes/bytes.ts'
import { type Checkpoint, openCheckpoint, parseCheckpoint } from '../../tlog/checkpoint.ts'
import { hashLeaf, verifyInclusion } from '../../tlog/merkle.ts'
import { encodeNote } from '../../tlog/note.ts'
import { encodeTlogProof, parseTlogProof } from '../../tlog/proof.ts'
import { LatchkeyError } from '../../errors.ts'
import type { BundleLeaf } from '../../wire/bundle.ts'
import { leafBytes, loggedPaths } from '../bundle-leaf.ts'
import { PROOF, PROOF_FILES, tlogProofPath } from '../bundle-paths.ts'
import type { CaseContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding, catchFinding } from '../finding.ts'
import { checkLogOrder, type LoggedLeaf } from './log-order.ts'

/**
 * The checkpoint of a proof file, in its one spelling, signed as the trust file asks. Lines by keys that it does not list
 * are refused: they would be bytes of the bundle that nothing vouches for.
 */
function openProofCheckpoint(raw: Uint8Array, { trust }: CaseContext): Checkpoint {
  const { note, ...checkpoint } = parseCheckpoint(raw)
  if (!equalBytes(encodeNote(note), raw))
    throw new LatchkeyError('CHECKPOINT_INVALID', 'checkpoint is not in canonical form')
  if (trust.log === null) return checkpoint
  const known = [...trust.log.logs, ...(trust.log.witnesses ?? [])]
  if (!note.signatures.every((line) => known.some((key) => key.name === line.name && key.keyId === line.keyId)))
    throw new LatchkeyError('CHECKPOINT_INVALID', 'checkpoint is signed by a key that the trust file does not list')
  return openCheckpoint(raw, trust.log)
}

/** The leaf's checkpoint, or what is wrong with leaf and proof. */
function openLeaf(context: CaseContext, leaf: BundleLeaf, findings: BundleFinding[]): LoggedLeaf | null {
  const { bundleCase, files } = context
  const proofPath = tlogProofPath(PROOF + leaf.file)
  const raw = files.get(proofPath)
  if (raw === undefined) return null
  const bytes = catchFinding(findings, PROOF_FILES.leaves, () => leafBytes(bundleCase, files, leaf))
  return catchFinding(findings, proofPath, () => {
    const proof = parseTlogProof(raw)
    if (proof.extra !== null || !equalBytes(encodeTlogProof(proof), raw))
      throw new LatchkeyError('LOG_PROOF_INVALID', 'proof is not in canonical form')
    const checkpoint = openProofCheckpoint(proof.checkpoint, context)
    if (bytes === null) return null
    if (proof.index === leaf.index && verifyInclusion({ ...proof, leafHash: hashLeaf(bytes) }, checkpoint))
      return { leaf, checkpoint }
    findings.push(...mismatch(leaf, proofPath))
    return null
  })
}

/** Leaf, object and path do not fit together. Which of them was changed cannot be told, so each is named. */
function mismatch(leaf: BundleLeaf, proofPath: string): BundleFinding[] {
  const message = `object, leaf and path of ${leaf.file} do not lead to the checkpoint's root`
  return [PROOF + leaf.file, PROOF_FILES.leaves, proofPath].map((file) =>
    bundleFinding('LOG_PROOF_INVALID', file, message),
  )
}

function checkList({ bundleCase, files, trust }: CaseContext): BundleFinding[] {
  const { leaves } = bundleCase.leaves
  const findings: BundleFinding[] = []
  const wrong = (message: string) => findings.push(bundleFinding('LOG_PROOF_INVALID', PROOF_FILES.leaves, message))
  if (leaves.some((leaf, i) => i > 0 && leaf.index <= leaves[i - 1]!.index)) wrong('leaves are not sorted by index')
  const listed = new Set(leaves.map(({ file }) => PROOF + file))
  if (listed.size !== leaves.length) wrong('an object is listed twice')
  const loggable = new Set(loggedPaths(bundleCase, files))
  if ([...listed].some((path) => !loggable.has(path))) wrong('an object is listed that is not there or has no leaf')
  // An agency entry without a leaf says no more than name and address, one with a leaf says it all.
  if (listed.has(PROOF_FILES.agency) !== 'keys' in bundleCase.agency)
    findings.push(bundleFinding('LOG_PROOF_INVALID', PROOF_FILES.agency, 'says more or less than its leaf'))
  if (trust.log === null) return findings
  for (const path of loggable)
    if (!listed.has(path)) findings.push(bundleFinding('LOG_PROOF_INVALID', path, 'no proof that it stands in the log'))
  if (bundleCase.release === null)
    findings.push(bundleFinding('LOG_PROOF_INVALID', PROOF_FILES.release, 'no proof that a release stands in the log'))
  return findings
}

/** Check 11: each object stands in a trusted log, in an order that allows what happened. */
export function checkLogProofs(context: CaseContext): CheckOutcome {
  const findings = checkList(context)
  const logged = context.bundleCase.leaves.leaves
    .map((leaf) => openLeaf(context, leaf, findings))
    .filter((leaf) => leaf !== null)
  findings.push(...checkLogOrder(context.bundleCase, logged))
  if (context.trust.log !== null) return { findings }
  return {
    findings,
    notApplicable: 'the trust file lists no log: nobody vouches for when, or whether, this was public',
  }
}
