import { Writable } from 'node:stream'
import { pino, type DestinationStream, type Logger } from 'pino'

/** The agent's log. Callers log codes, ids and counts, never content, keys or the camera's address. */
export type Log = Logger

const LEVEL_NAMES: Readonly<Record<number, string>> = {
  10: 'trace',
  20: 'debug',
  30: 'info',
  40: 'warn',
  50: 'error',
  60: 'fatal',
}
/** Members that may hold a secret are blanked wherever they stand, up to the depth log objects have here. */
const SECRET_MEMBERS = ['password', 'secret', 'seed', 'url', 'source', 'dpop', 'mac']
const REDACTED_PATHS = SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`])

/** One JSON line → `12:00:00 info  message name=value …` for a person at a terminal. */
function humanLine(line: string): string {
  const { level, time, msg, ...rest } = JSON.parse(line) as Record<string, unknown>
  const members = Object.entries(rest).filter(([key]) => key !== 'name')
  const values = members.map(([key, value]) => `${key}=${typeof value === 'string' ? value : JSON.stringify(value)}`)
  return `${String(time).slice(11, 19)} ${(LEVEL_NAMES[level as number] ?? '').padEnd(5)} ${[String(msg), ...values].join(' ')}\n`
}

function humanStream(destination: NodeJS.WritableStream): DestinationStream {
  return new Writable({
    write(chunk: Buffer, _encoding, done) {
      for (const line of chunk.toString('utf8').split('\n')) if (line !== '') destination.write(humanLine(line))
      done()
    },
  })
}

/**
 * Builds the log.
 * @param options.format `lines` for people, `json` for collectors
 * @param options.destination where it goes, default standard output
 */
export function createLog(options: {
  level: string
  format?: 'lines' | 'json'
  destination?: NodeJS.WritableStream
}): Log {
  const destination = options.destination ?? process.stdout
  const settings = {
    name: 'latchkey-agent',
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  }
  return pino(settings, options.format === 'lines' ? humanStream(destination) : destination)
}
