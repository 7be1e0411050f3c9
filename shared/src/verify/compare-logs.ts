/** Two bundles' proofs against each other: did one log show two histories? */
import { equalBytes, toHex } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { openCheckpoint, type VerifiedCheckpoint } from '../tlog/checkpoint.ts'
import { frontierRanges, frontierRoot } from '../tlog/frontier.ts'
import { hashLeaf, hashNode, inclusionRanges, type LeafRange, type TreeHash, verifyInclusion } from '../tlog/merkle.ts'
import { parseTlogProof } from '../tlog/proof.ts'
import type { BundleCase, BundleFiles } from './bundle-case.ts'
import { leafBytes } from './bundle-leaf.ts'
import { PROOF, tlogProofPath } from './bundle-paths.ts'
import type { VerifierTrust } from './trust.ts'

/** What the proofs of one bundle show of a log. */
export interface ShownLog {
  readonly checkpoints: readonly VerifiedCheckpoint[]
  /** Hashes of subtrees that no growth of the log can change, by their range. */
  readonly nodes: ReadonlyMap<string, TreeHash>
}

/**
 * `contradicted`: one log signed two histories; the two bundles show it to anyone. `consistent`: the smaller tree is proved to
 * be the beginning of the larger. `untold`: nothing contradicts, and nothing that both hold proves it.
 */
export interface LogComparison {
  readonly state: 'consistent' | 'contradicted' | 'untold'
  readonly message: string
}

const keyOf = ({ start, end }: LeafRange): string => `${start}-${end}`
const isPerfect = ({ start, end }: LeafRange): boolean =>
  Number.isInteger(Math.log2(end - start)) && start % (end - start) === 0

/** Every subtree on the way from a leaf to its root, and beside it. */
function* nodesOf(index: number, leafHash: TreeHash, hashes: readonly TreeHash[], size: number) {
  let [range, hash]: [LeafRange, TreeHash] = [{ start: index, end: index + 1 }, leafHash]
  yield { range, hash }
  for (const [i, sibling] of inclusionRanges(index, size).entries()) {
    const beside = hashes[i]!
    yield { range: sibling, hash: beside }
    const isLeft = sibling.start < range.start
    hash = isLeft ? hashNode(beside, hash) : hashNode(hash, beside)
    range = { start: Math.min(range.start, sibling.start), end: Math.max(range.end, sibling.end) }
    yield { range, hash }
  }
}

/** The proofs of a bundle that hold; what does not is the verdict's matter. Untrusted: the bundle. */
export function shownLogOf(bundleCase: BundleCase, files: BundleFiles, trust: VerifierTrust): ShownLog {
  const checkpoints: VerifiedCheckpoint[] = []
  const nodes = new Map<string, TreeHash>()
  for (const leaf of trust.log === null ? [] : bundleCase.leaves.leaves)
    try {
      const proof = parseTlogProof(files.get(tlogProofPath(PROOF + leaf.file)) ?? new Uint8Array())
      const checkpoint = openCheckpoint(proof.checkpoint, trust.log!)
      const leafHash = hashLeaf(leafBytes(bundleCase, files, leaf))
      if (!verifyInclusion({ ...proof, leafHash }, checkpoint)) continue
      checkpoints.push(checkpoint)
      for (const { range, hash } of nodesOf(proof.index, leafHash, proof.hashes, checkpoint.size))
        if (isPerfect(range)) nodes.set(keyOf(range), hash)
    } catch (error) {
      if (!(error instanceof LatchkeyError)) throw error
    }
  return { checkpoints, nodes }
}

/** Is the tree of `smaller` made of subtrees that `larger` shows? */
function isBeginningOf(smaller: VerifiedCheckpoint, larger: ShownLog): boolean {
  const hashes = frontierRanges(smaller.size).map((range) => larger.nodes.get(keyOf(range)))
  if (!hashes.every((hash) => hash !== undefined)) return false
  return equalBytes(frontierRoot({ size: smaller.size, hashes }), smaller.root)
}

/** Two bundles' words about one log. */
export function compareLogs(a: ShownLog, b: ShownLog): LogComparison {
  const [first, second] = [a, b].map(({ checkpoints }) =>
    checkpoints.reduce<VerifiedCheckpoint | null>((best, next) => (best && best.size >= next.size ? best : next), null),
  )
  if (!first || !second) return { state: 'untold', message: 'a bundle holds no proof under a trusted log' }
  if (first.origin !== second.origin) return { state: 'untold', message: 'the bundles are of two logs' }
  for (const one of a.checkpoints)
    for (const other of b.checkpoints)
      if (one.size === other.size && !equalBytes(one.root, other.root))
        return { state: 'contradicted', message: `the log signed two trees of ${one.size} leaves` }
  for (const [range, hash] of a.nodes) {
    const other = b.nodes.get(range)
    if (other && toHex(other) !== toHex(hash))
      return { state: 'contradicted', message: `the log signed two different entries at ${range}` }
  }
  if (first.size === second.size) return { state: 'consistent', message: `both show the tree of ${first.size} leaves` }
  const isJoined = first.size < second.size ? isBeginningOf(first, b) : isBeginningOf(second, a)
  const sizes = [first.size, second.size].sort((x, y) => x - y).join(' and ')
  return isJoined
    ? { state: 'consistent', message: `of the trees of ${sizes} leaves the smaller begins the larger` }
    : { state: 'untold', message: `nothing that both hold joins the trees of ${sizes} leaves: ask the log for a proof` }
}
