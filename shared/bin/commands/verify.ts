import { failuresOfVerdict, loadVerdict, verdictJson, verdictText } from '../bundle-verdict.ts'
import type { Command } from '../command.ts'
import { jsonText } from '../disk-files.ts'

/** `latchkey verify` */
export const verify: Command = {
  name: 'verify',
  summary: 'Checks an evidence bundle offline: every check is reported, and what no bundle proves.',
  operands: ['BUNDLE'],
  options: {
    trust: { value: 'F', required: true, help: 'trust file: nothing outside it is believed' },
    key: { value: 'F', help: 'requester.key: opens every item in memory too' },
    json: { help: 'the verdict as JSON' },
  },
  run: async (given, world) => {
    const input = { bundle: given.operand(0), trust: given.text('trust'), key: given.optional('key') }
    const verdict = await loadVerdict(input, world)
    world.terminal.print(given.flag('json') ? jsonText(verdictJson(verdict)).trimEnd() : verdictText(verdict))
    return failuresOfVerdict(verdict, input.bundle)
  },
}
