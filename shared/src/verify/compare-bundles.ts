import type { VerifyOptions } from './check.ts'
import { type BundleCase, parseBundleCase } from './bundle-case.ts'
import { compareLogs, type LogComparison, shownLogOf } from './compare-logs.ts'
import type { VerifierTrust } from './trust.ts'
import { type Verdict, verifyBundleZip, withoutBaseFolder } from './verify-bundle.ts'
import { tryReadZip } from './zip-reader.ts'

/** What two bundles say of each other. */
export interface BundleComparison {
  readonly verdicts: readonly [Verdict, Verdict]
  /** Null where a bundle does not parse. */
  readonly same: { readonly clip: boolean; readonly request: boolean; readonly consent: boolean } | null
  /** Indexes of items: in the first alone, in the second alone, in both with other bytes. */
  readonly items: {
    readonly first: readonly number[]
    readonly second: readonly number[]
    readonly differ: readonly number[]
  } | null
  readonly log: LogComparison
}

function itemsOf({ items }: BundleCase): Map<number, string> {
  return new Map(
    items.items.map(({ descriptor, headerSha256 }) => [
      descriptor.index,
      `${descriptor.payloadSha256} ${headerSha256}`,
    ]),
  )
}

function compareItems(a: BundleCase, b: BundleCase): BundleComparison['items'] {
  const [first, second] = [itemsOf(a), itemsOf(b)]
  return {
    first: [...first.keys()].filter((index) => !second.has(index)),
    second: [...second.keys()].filter((index) => !first.has(index)),
    differ: [...first].flatMap(([index, item]) => (second.has(index) && second.get(index) !== item ? [index] : [])),
  }
}

/**
 * Two bundles side by side, offline: one pure function.
 * Untrusted: both zips. Never throws for anything in them.
 * @see spec/verify.md, "Two bundles"
 */
export function compareBundleZips(
  zips: readonly [Uint8Array, Uint8Array],
  trust: VerifierTrust,
  options: VerifyOptions = {},
): BundleComparison {
  const [first, second] = zips.map((zip) => {
    const files = withoutBaseFolder(tryReadZip(zip).files)
    const { bundleCase } = parseBundleCase(files)
    const log = bundleCase === null ? { checkpoints: [], nodes: new Map() } : shownLogOf(bundleCase, files, trust)
    return { verdict: verifyBundleZip(zip, trust, options), bundleCase, log }
  }) as [Side, Side]
  const [a, b] = [first.bundleCase, second.bundleCase]
  return {
    verdicts: [first.verdict, second.verdict],
    same:
      a === null || b === null
        ? null
        : {
            clip: a.manifest.payload.iss === b.manifest.payload.iss && a.items.clip === b.items.clip,
            request: a.request.digest === b.request.digest,
            consent: a.consent.digest === b.consent.digest,
          },
    items: a === null || b === null || a.items.clip !== b.items.clip ? null : compareItems(a, b),
    log: compareLogs(first.log, second.log),
  }
}

interface Side {
  readonly verdict: Verdict
  readonly bundleCase: BundleCase | null
  readonly log: ReturnType<typeof shownLogOf>
}
