import { equalBytes, fromUtf8, utf8 } from '../../bytes/bytes.ts'
import { sha256 } from '../../crypto/hash.ts'
import { type BagHashes, bagHash, isPayloadPath, isTagPath, parseBagManifest, renderBagManifest } from '../bag.ts'
import type { BundleCase, BundleFiles } from '../bundle-case.ts'
import { derivedProofFiles, derivedTagFiles } from '../bundle-derived.ts'
import { PAYLOAD_MANIFEST, PROOF, TAG_MANIFEST, tlogProofPath } from '../bundle-paths.ts'
import type { CheckContext, CheckOutcome } from '../check.ts'
import { bundleFinding, type BundleFinding, catchFinding } from '../finding.ts'

const wrong = (file: string, message: string) => bundleFinding('BUNDLE_INVALID', file, message)

function readManifest(files: BundleFiles, path: string, findings: BundleFinding[]): BagHashes | null {
  const bytes = files.get(path)
  if (bytes === undefined) {
    findings.push(wrong(path, 'the file is missing'))
    return null
  }
  return catchFinding(findings, path, () => {
    const hashes = parseBagManifest(fromUtf8(bytes))
    if (hashes === null) findings.push(wrong(path, 'not the one form of a hash manifest'))
    return hashes
  })
}

/** Files whose hash is not the manifest's, files it lists that are not there, and files it does not list. */
function compareHashes(listed: BagHashes, actual: BagHashes): BundleFinding[] {
  const findings: BundleFinding[] = []
  for (const [path, hash] of actual) {
    const expected = listed.get(path)
    if (expected === undefined) findings.push(wrong(path, 'the file stands in no hash manifest'))
    else if (expected !== hash) findings.push(wrong(path, 'the file does not match its hash in the bag'))
  }
  for (const path of listed.keys())
    if (!actual.has(path)) findings.push(wrong(path, 'the file is listed in the bag but missing'))
  return findings
}

/**
 * When a tag file and its hash differ and the file is what it must be, it is the hash that was changed.
 * `expected`: tag files that can be recomputed.
 */
function blame(finding: BundleFinding, files: BundleFiles, expected: BundleFiles): BundleFinding[] {
  const [actual, wanted] = [files.get(finding.file), expected.get(finding.file)]
  if (actual === undefined || wanted === undefined || !equalBytes(actual, wanted)) return [finding]
  return [wrong(TAG_MANIFEST, `the hash of ${finding.file} does not match the file`)]
}

/** Every path that a bundle of this case has, no more and no fewer. */
function expectedPaths(bundleCase: BundleCase, read: readonly string[]): Set<string> {
  return new Set([
    ...read,
    ...derivedProofFiles(bundleCase).keys(),
    ...derivedTagFiles(bundleCase, []).keys(),
    ...bundleCase.leaves.leaves.map(({ file }) => tlogProofPath(PROOF + file)),
    ...bundleCase.items.items.map(({ file }) => file),
    PAYLOAD_MANIFEST,
    TAG_MANIFEST,
  ])
}

function checkPaths({ files, bundleCase, read }: CheckContext): BundleFinding[] {
  if (bundleCase === null) return []
  const expected = expectedPaths(bundleCase, read)
  const extra = [...files.keys()].filter((path) => !expected.has(path))
  const missing = [...expected].filter((path) => !files.has(path))
  return [
    ...extra.map((path) => wrong(path, 'the file does not belong to a bundle')),
    ...missing.map((path) => wrong(path, 'the file is missing')),
  ]
}

function recomputedTags({ files, bundleCase }: CheckContext): Map<string, Uint8Array> {
  if (bundleCase === null) return new Map()
  const sizes = [...files].filter(([path]) => isPayloadPath(path)).map(([, bytes]) => bytes.length)
  return derivedTagFiles(bundleCase, sizes)
}

function hashesOf(files: BundleFiles, belongs: (path: string) => boolean): BagHashes {
  return new Map([...files].filter(([path]) => belongs(path)).map(([path, bytes]) => [path, bagHash(sha256(bytes))]))
}

/** Check 1: the bag's own hashes, its exact list of files, and its recomputed tag files. @see RFC 8493 §3 */
export function checkBagHashes(context: CheckContext): CheckOutcome {
  const { files } = context
  const findings: BundleFinding[] = []
  const payload = readManifest(files, PAYLOAD_MANIFEST, findings)
  const tags = readManifest(files, TAG_MANIFEST, findings)
  const payloadHashes = hashesOf(files, isPayloadPath)
  if (payload) findings.push(...compareHashes(payload, payloadHashes))
  const recomputed = recomputedTags(context)
  const expected = new Map([...recomputed, [PAYLOAD_MANIFEST, utf8(renderBagManifest(payloadHashes))]])
  if (tags)
    for (const finding of compareHashes(tags, hashesOf(files, isTagPath)))
      findings.push(...blame(finding, files, expected))
  for (const [path, bytes] of recomputed) {
    const actual = files.get(path)
    if (actual !== undefined && !equalBytes(actual, bytes))
      findings.push(wrong(path, 'not the text that the rest of the bundle gives'))
  }
  return { findings: [...findings, ...checkPaths(context)] }
}
