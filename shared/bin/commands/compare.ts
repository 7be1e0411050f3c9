import { type BundleComparison, compareBundleZips } from '../../src/verify/compare-bundles.ts'
import { failuresOfVerdict, loadBundle, loadVerifierTrust, verdictJson } from '../bundle-verdict.ts'
import type { Command } from '../command.ts'
import type { Failure } from '../failure.ts'

function comparisonText({ verdicts, same, items, log }: BundleComparison): string {
  const yes = (is: boolean) => (is ? 'the same' : 'another')
  const list = (indexes: readonly number[]) => (indexes.length === 0 ? 'none' : indexes.join(', '))
  return [
    ...verdicts.map(({ passed }, i) => `bundle ${i + 1}: ${passed ? 'PASS' : 'FAIL'}`),
    ...(same === null
      ? ['a bundle cannot be read: nothing is compared']
      : [`clip: ${yes(same.clip)}`, `request: ${yes(same.request)}`, `consent: ${yes(same.consent)}`]),
    ...(items === null
      ? []
      : [
          `items in the first alone: ${list(items.first)}; in the second alone: ${list(items.second)}; that differ: ${list(items.differ)}`,
        ]),
    `log: ${log.state}: ${log.message}`,
  ].join('\n')
}

/** `latchkey compare` */
export const compare: Command = {
  name: 'compare',
  summary: 'Compares two evidence bundles offline: what they share, and whether their log showed two histories.',
  operands: ['BUNDLE', 'OTHER'],
  options: {
    trust: { value: 'F', required: true, help: 'trust file: nothing outside it is believed' },
    json: { help: 'the comparison as JSON' },
  },
  notes: [
    'Exit status 1 when a bundle does not verify or the logs contradict each other. Two bundles that contradict each',
    'other prove to anyone that the relay showed two histories; where nothing that both hold decides, it says so.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const names = [given.operand(0), given.operand(1)] as const
    const trust = await loadVerifierTrust(given.text('trust'))
    const zips = [await loadBundle(names[0]), await loadBundle(names[1])] as const
    const compared = compareBundleZips(zips, trust, { nowSeconds: Math.floor(nowMs() / 1000) })
    const json = { v: 1, ...compared, verdicts: compared.verdicts.map(verdictJson) }
    terminal.print(given.flag('json') ? JSON.stringify(json, null, 2) : comparisonText(compared))
    const failures: Failure[] = compared.verdicts.flatMap((verdict, i) => failuresOfVerdict(verdict, names[i]!))
    if (compared.log.state !== 'contradicted') return failures
    return [...failures, { code: 'LOG_PROOF_INVALID', file: names[1], message: compared.log.message }]
  },
}
