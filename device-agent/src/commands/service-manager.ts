import type { Agent, AgentStatus } from '../agent.ts'
import type { Clock, Timer } from '../kernel/clock.ts'
import type { SdNotify } from '../kernel/sd-notify.ts'

/** How often `systemctl status` may learn something new. */
const STATUS_EVERY_MS = 10_000

const CAMERA_WORDS: Readonly<Record<AgentStatus['camera'], string>> = {
  starting: 'The camera is starting',
  on: 'Watching',
  'camera-lost': 'The camera is lost and tried again',
  privacy: 'Privacy mode: the camera is off',
  stopped: 'The camera has stopped',
}

/** The agent in one line that says nothing of the household. */
export function serviceStatus({ pairing, camera, connected, spool, outboxEvents, button }: AgentStatus): string {
  const deaf = button === 'lost' ? ' The button cannot be read!' : ''
  if (pairing.kind === 'unpaired')
    return `Not paired, so nothing is recorded. The code for the phone: sudo latchkey-agent status --pairing.${deaf}`
  const waiting = `${spool.clips} clips and ${outboxEvents} messages wait`
  const relay = connected ? 'relay connected' : `the relay is away, ${waiting}`
  const lost = spool.droppedClips === 0 ? '' : `; ${spool.droppedClips} clips had to be given up`
  return `${CAMERA_WORDS[camera]}; ${relay}${lost}.${deaf}`
}

/**
 * Tells the service manager when the agent records or waits to be paired, how it stands, and that it lives as long as
 * `isHealthy`, until disposed.
 */
export function reportToServiceManager(
  agent: Agent,
  { notify, clock, isHealthy }: { notify: SdNotify; clock: Clock; isHealthy: () => boolean },
): Disposable {
  let timer: Timer | undefined
  function report(): void {
    notify.status(serviceStatus(agent.status()))
    timer = clock.setTimer(STATUS_EVERY_MS, report)
  }
  function begin(): void {
    notify.ready()
    report()
    notify.watch(isHealthy)
  }
  // Waiting for a phone may take days; it is what an unpaired doorbell is there for.
  if (agent.status().pairing.kind === 'unpaired') begin()
  else void agent.ready.then(begin, () => {})
  return { [Symbol.dispose]: () => timer?.cancel() }
}
