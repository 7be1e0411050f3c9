import { LatchkeyError } from '../../src/errors.ts'
import { monitorApp } from '../app-monitor.ts'
import type { Arguments } from '../arguments.ts'
import type { Command } from '../command.ts'
import { monitorLog } from '../monitor-run.ts'
import { loadTrust } from '../trust-file.ts'
import { parseOrigin } from '../value-syntax.ts'

const OF_LOG = ['state', 'texts', 'every', 'once', 'json', 'export'] as const
const OF_APP = ['relay', 'name', 'user-agent'] as const

const isGiven = (given: Arguments, name: string): boolean => given.optional(name) !== undefined

/** Which of the two is asked for; an option of the other would be passed over in silence. @throws USAGE */
function modeOf(given: Arguments): 'log' | 'app' {
  if (isGiven(given, 'log') === isGiven(given, 'app'))
    throw new LatchkeyError('USAGE', 'one of --log URL and --app URL is needed')
  const mode = isGiven(given, 'log') ? 'log' : 'app'
  const foreign = (mode === 'log' ? OF_APP : OF_LOG).find((name) => isGiven(given, name))
  if (foreign !== undefined) throw new LatchkeyError('USAGE', `--${foreign} does not go with --${mode}`)
  return mode
}

/** `latchkey monitor`: follows a relay's log and judges again what it did, or compares a web app with it. */
export const monitor: Command = {
  name: 'monitor',
  summary: 'Follows a relay’s public log and judges every answer again; or compares a web app with the log.',
  operands: [],
  options: {
    log: { value: 'URL', help: 'the public origin of the relay whose log is followed' },
    app: { value: 'URL', help: 'where a web app is served that is compared with the log' },
    trust: { value: 'F', required: true, help: 'trust file: its logs and witnesses are the only ones believed' },
    export: {
      value: 'FILE',
      help: '--log: judge this export of the public record instead of asking the relay; ends after one look',
    },
    state: { value: 'DIR', help: '--log: where it remembers and keeps evidence; nothing is remembered without' },
    texts: { value: 'DIR', help: '--log: refused requests that you hold (*.jws): their refusals are judged too' },
    every: { value: 'SECONDS', help: '--log: how long between two looks (default 60)' },
    once: { help: '--log: look once and end' },
    json: { help: '--log: one JSON object a look' },
    relay: { value: 'ORIGIN', help: '--app: whose log it is; the trust file’s first relay unless told' },
    name: { value: 'NAME', help: '--app: what the app is called in the log (default owner, the phone app)' },
    'user-agent': { value: 'TEXT', help: '--app: what the fetcher calls itself (default: a phone’s browser)' },
  },
  notes: [
    '--log reads every entry from the first on, as anyone can, and says what it could not judge. Findings are lines',
    'CODE entry/INDEX SENTENCE, each once; exit status 1 when there was one. Without --once it looks until it is stopped.',
    '--app proves what this server gave to this computer just now, not what it gives to anybody else: run it from',
    'several places, and often.',
  ],
  run: async (given, world) => {
    const mode = modeOf(given)
    const trust = await loadTrust(given.text('trust'))
    if (mode === 'log') return monitorLog(given, trust, world)
    const relay = given.optional('relay') ?? trust.relays[0]?.origin
    if (relay === undefined) throw new LatchkeyError('USAGE', 'the trust file names no relay: give --relay ORIGIN')
    return monitorApp(given, { trust, relay: parseOrigin(relay) }, world)
  },
}
