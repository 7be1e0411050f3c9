import { pino, type DestinationStream, type Logger } from 'pino'

/** The relay's log: JSON lines. Callers log codes, ids and counts, never content. */
export type Log = Logger

/** Members that may hold a secret are blanked wherever they stand, up to the depth log objects have here. */
const SECRET_MEMBERS = [
  'password',
  'secret',
  'token',
  'authorization',
  'cookie',
  'dpop',
  'privateKey',
  'seed',
  'credential',
  'databaseUrl',
]
const REDACTED_PATHS = SECRET_MEMBERS.flatMap((name) => [name, `*.${name}`, `*.*.${name}`, `*.headers["set-${name}"]`])

/**
 * Builds the log.
 * @param options.destination where lines go, default standard output
 */
export function createLog(options: { level: string; destination?: DestinationStream }): Log {
  const settings = {
    name: 'latchkey-relay',
    level: options.level,
    base: null,
    timestamp: pino.stdTimeFunctions.isoTime,
    redact: { paths: REDACTED_PATHS, censor: '[redacted]' },
  }
  return options.destination ? pino(settings, options.destination) : pino(settings)
}
