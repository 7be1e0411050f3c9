import { LatchkeyError } from '@latchkey/shared'
import type { AgentConfig } from './config.ts'
import type { NewestPicture } from './clip/newest-picture.ts'
import type { ControlDesk } from './control/control-desk.ts'
import type { AgentSnapshot, ControlNews } from './control/control-message.ts'
import { createHappenings } from './control/happenings.ts'
import type { AgentNews, DoorEvent } from './flow.ts'
import type { Clock } from './kernel/clock.ts'
import { type Recorder, SOFTWARE } from './recorder.ts'
import type { RecorderStatus, RecorderView } from './recorder-view.ts'

/** Where pairing stands. `url` is a secret for the person at the device. */
export type PairingView =
  | { readonly kind: 'unpaired'; readonly url: string | null; readonly untilMs: number | null }
  | { readonly kind: 'paired'; readonly device: string; readonly digits: string | null }

/** What the desk is built over: the agent, as far as it is there yet. */
export interface AgentDeskOptions {
  readonly config: AgentConfig
  readonly clock: Clock
  readonly pairing: () => PairingView
  readonly recorder: () => Recorder | null
  /** Presses the simulated button. */
  readonly ring: () => DoorEvent | null
  readonly loadConfig: (() => Promise<AgentConfig>) | undefined
}

/** The desk of an agent, and the ear it listens with. */
export interface AgentDesk extends ControlDesk {
  readonly hear: (news: AgentNews) => void
}

const MAX_BOXES = 64
const NOTHING_SPOOLED = { clips: 0, items: 0, bytes: 0, droppedClips: 0 }
const NOT_PAIRED = 'the device is not paired yet: it records nothing, pair it first'

/** Null for what the socket does not tell. */
function newsOf(news: AgentNews): ControlNews | null {
  switch (news.kind) {
    case 'finding': {
      const { captureMs, moving, changedShare, threshold, boxes, reason, zones } = news.finding
      const kept = boxes.slice(0, MAX_BOXES)
      return {
        kind: 'finding',
        captureMs: Math.round(captureMs),
        moving,
        changedShare,
        threshold,
        boxes: kept,
        reason,
        zones: [...zones],
      }
    }
    case 'door':
      return { kind: 'door', ...news.event, atMs: Math.round(news.event.atMs) }
    case 'watch':
    case 'clip':
    case 'uploaded':
      return news
    case 'picture':
      return null
  }
}

function streamOf(picture: NewestPicture, profile: RecorderStatus['stream']): AgentSnapshot['camera']['stream'] {
  const { codec, width, height } = picture.format
  const framesPerSecond = profile?.framesPerSecond ?? null
  return { codec, width, height, gopMs: profile ? Math.round(profile.keyframeMs.usual) : null, framesPerSecond }
}

function cameraOf(
  config: AgentConfig,
  seen: { view: RecorderView; status: RecorderStatus } | null,
): AgentSnapshot['camera'] {
  const { name } = config.camera
  if (seen === null) return { name, state: 'starting', sinceMs: null, trouble: null, stream: null }
  const { state, sinceMs, picture } = seen.view
  const { trouble } = seen.status
  return { name, state, sinceMs, trouble, stream: picture && streamOf(picture, seen.status.stream) }
}

function clockOf(view: RecorderView | null): AgentSnapshot['clock'] {
  if (view === null) return null
  const { source, uncertaintyMs, checkedMs } = view.clock
  return { source, uncertaintyMs, checkedMs }
}

function spoolOf(status: RecorderStatus | undefined): AgentSnapshot['spool'] {
  const { clips, items, bytes, droppedClips } = status?.spool ?? NOTHING_SPOOLED
  return { clips, items, bytes, droppedClips }
}

/** Joins the parts of a running agent to what its control socket answers. */
export function createAgentDesk(options: AgentDeskOptions): AgentDesk {
  const { clock } = options
  let { config } = options
  const startedMs = clock.nowMs()
  const happenings = createHappenings()
  const observers = new Set<(news: ControlNews) => void>()

  function paired(): Recorder {
    const recorder = options.recorder()
    if (recorder === null) throw new LatchkeyError('UNAVAILABLE', NOT_PAIRED)
    return recorder
  }

  async function snapshot(): Promise<AgentSnapshot> {
    const pairing = options.pairing()
    const recorder = options.recorder()
    const seen = recorder && { view: await recorder.view(), status: recorder.status() }
    const { view = null, status } = seen ?? {}
    const isPaired = pairing.kind === 'paired'
    return {
      v: 1,
      nowMs: clock.nowMs(),
      startedMs,
      camera: cameraOf(config, seen),
      pairing: { paired: isPaired, device: isPaired ? pairing.device : null },
      relay: {
        origin: config.relay.origin,
        connected: status?.connected ?? false,
        waitingEvents: status?.outboxEvents ?? 0,
      },
      spool: spoolOf(status),
      clock: clockOf(view),
      disk: view?.disk ?? null,
      software: { agent: SOFTWARE, node: process.version, ffmpeg: view?.ffmpeg ?? null },
      counts: happenings.counts,
      recent: [...happenings.recent],
    }
  }

  return {
    snapshot,
    pairingAddress() {
      const pairing = options.pairing()
      return pairing.kind === 'paired' ? { url: null, untilMs: null } : { url: pairing.url, untilMs: pairing.untilMs }
    },
    still: () => paired().still(),
    observe(observer) {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    async acceptPhone() {
      const { version, members } = (await paired().acceptKeyset()).latchkey
      const owners = members.filter(({ role }) => role === 'owner').length
      return { version, owners, viewers: members.length - owners }
    },
    ring: () => options.ring()?.event ?? null,
    setPrivacy: (on) => paired().setPrivacy(on),
    async reload() {
      if (options.loadConfig === undefined)
        throw new LatchkeyError('UNAVAILABLE', 'this agent reads its configuration at its start only: restart it')
      const next = await options.loadConfig()
      await paired().reconfigure(next)
      config = next
    },
    hear(raw) {
      const news = newsOf(raw)
      if (news === null) return
      if (news.kind !== 'finding') happenings.add(news)
      for (const observer of observers) observer(news)
    },
  }
}
