import { codeOf } from '@latchkey/shared'
import { runChild } from './child-process.ts'
import type { Clock, Timer } from './clock.ts'
import type { Log } from './log.ts'

/** What the service manager gave this process, and what is needed to answer it. */
export interface SdNotifyOptions {
  /** `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` are read; without the first nothing is ever sent. */
  readonly environment: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly log: Log
  /** This process; a watchdog meant for another is left alone. */
  readonly pid: number
  /** Default `/usr/bin/systemd-notify`. */
  readonly programPath?: string
}

/** What a service tells systemd of itself. Calls return at once; messages leave in order, and a failure is only logged. */
export interface SdNotify extends AsyncDisposable {
  /** The service does its work now; said once. */
  ready(): void
  /** One line for `systemctl status`, which every user of the machine can read. Said when it changes. */
  status(text: string): void
  /** The service is about to end. */
  stopping(): void
  /** From now on a sign of life at half of the watchdog's time, as long as `isHealthy`. */
  watch(isHealthy: () => boolean): void
}

const PROGRAM = '/usr/bin/systemd-notify'
const SEND_TIMEOUT_MS = 10_000

/** Microseconds of the watchdog that is meant for this process; null for none. Untrusted: the variables. */
function watchdogMs({ environment, pid }: SdNotifyOptions): number | null {
  const { WATCHDOG_USEC: usec, WATCHDOG_PID: owner } = environment
  if (usec === undefined || !/^[1-9]\d{0,15}$/.test(usec)) return null
  return owner === undefined || owner === String(pid) ? Number(usec) / 1000 : null
}

/**
 * Speaks to systemd by its own program, which is there wherever systemd is: Node has no datagram sockets of the kind
 * that `NOTIFY_SOCKET` names. The unit needs `NotifyAccess=all`, for the sender is a child of the service.
 * @see sd_notify(3), systemd-notify(1)
 */
export function createSdNotify(options: SdNotifyOptions): SdNotify {
  const { clock, log, environment, programPath = PROGRAM } = options
  const socket = environment['NOTIFY_SOCKET']
  const everyMs = watchdogMs(options)
  let sent: Promise<void> = Promise.resolve()
  let isReady = false
  let lastStatus = ''
  let watchdog: Timer | undefined
  let beating = false

  async function send(assignment: string): Promise<void> {
    try {
      const { code, signal } = await runChild({
        command: programPath,
        args: [assignment],
        environment: { NOTIFY_SOCKET: socket! },
        clock,
        maxOutputBytes: 4_096,
        timeoutMs: SEND_TIMEOUT_MS,
      })
      if (code !== 0) log.warn({ code, signal }, 'systemd could not be told')
    } catch (error) {
      log.warn({ code: codeOf(error) }, 'systemd could not be told')
    }
  }

  function tell(assignment: string): void {
    if (socket !== undefined && socket !== '') sent = sent.then(() => send(assignment))
  }

  /** One on its way is enough: a slow machine must not collect them. */
  function sendBeat(): void {
    if (beating) return
    beating = true
    tell('WATCHDOG=1')
    sent = sent.then(() => void (beating = false))
  }

  function beat(isHealthy: () => boolean, intervalMs: number): void {
    watchdog = clock.setTimer(intervalMs, () => beat(isHealthy, intervalMs))
    if (isHealthy()) sendBeat()
    else log.error('not healthy: systemd is not told otherwise and will start this service again')
  }

  return {
    ready() {
      if (!isReady) tell('READY=1')
      isReady = true
    },
    status(text) {
      if (text === lastStatus) return
      lastStatus = text
      tell(`STATUS=${text.replaceAll(/[\r\n]/g, ' ')}`)
    },
    stopping: () => tell('STOPPING=1'),
    watch(isHealthy) {
      if (watchdog === undefined && everyMs !== null) beat(isHealthy, everyMs / 2)
    },
    [Symbol.asyncDispose]: () => {
      watchdog?.cancel()
      return sent
    },
  }
}
