import type { ClockStatement } from '@latchkey/shared'
import type { ButtonState, CameraState, DoorEvent } from '../flow.ts'
import type { HomeMessage } from './home-link.ts'
import type { HomeRole, HomeTopics } from './home-topics.ts'

/** What is so, at this moment. */
export interface HomeFacts {
  readonly camera: CameraState
  /** Paired, and recording what happens. */
  readonly recording: boolean
  /** Connected with the relay. */
  readonly uploading: boolean
  readonly button: ButtonState
  readonly privacy: boolean
  readonly motion: boolean
  readonly spool: { readonly clips: number; readonly bytes: number; readonly droppedClips: number }
  readonly freeBytes: number | null
  readonly lastClipMs: number | null
  readonly clock: ClockStatement | null
}

const MEBIBYTE = 1024 ** 2

const onOff = (is: boolean): string => (is ? 'ON' : 'OFF')
const upDown = (is: boolean): string => (is ? 'online' : 'offline')

function statusOf(facts: HomeFacts): Record<HomeRole, string> {
  return {
    camera: facts.privacy ? 'disabled' : upDown(facts.camera === 'on'),
    recorder: upDown(facts.recording),
    uploader: upDown(facts.uploading),
    // A bell without a contact of its own is not broken.
    button: facts.button === 'none' ? 'disabled' : upDown(facts.button === 'watching'),
    clock: upDown(facts.clock !== null && facts.clock.source !== 'none'),
  }
}

function healthOf({ camera, spool, freeBytes, lastClipMs, clock }: HomeFacts): string {
  return JSON.stringify({
    v: 1,
    camera,
    spool: { clips: spool.clips, bytes: spool.bytes, dropped: spool.droppedClips },
    free_mib: freeBytes === null ? null : Math.floor(freeBytes / MEBIBYTE),
    last_clip: lastClipMs === null ? null : new Date(lastClipMs).toISOString(),
    clock: { source: clock?.source ?? 'none', uncertainty_ms: clock?.uncertaintyMs ?? null },
  })
}

/** Everything that can be said as a state. Motion is not retained: an old ON would be a visitor who never leaves. */
export function statesOf(facts: HomeFacts, topics: HomeTopics): readonly HomeMessage[] {
  const status = Object.entries(statusOf(facts)).map(([role, payload]) => ({
    topic: topics.status[role as HomeRole],
    payload,
    retain: true,
  }))
  return [
    ...status,
    { topic: topics.privacy.state, payload: onOff(facts.privacy), retain: true },
    { topic: topics.health, payload: healthOf(facts), retain: true },
    { topic: topics.motion, payload: onOff(facts.motion), retain: false },
  ]
}

/** A ring as Home Assistant's event entity takes it. Never retained: it would ring again at every start. */
export function ringMessage({ event, atMs }: DoorEvent, topics: HomeTopics): HomeMessage {
  const payload = JSON.stringify({ event_type: 'ring', event, at: new Date(atMs).toISOString() })
  return { topic: topics.ring, payload, retain: false }
}
