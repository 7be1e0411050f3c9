import { createValidator, Exact } from '@latchkey/shared'
import { Type, type Static } from 'typebox'

/** What the running agent says of itself over its own socket. Every answer is checked by who reads it. */
const Milliseconds = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Amount = Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })
const Share = Type.Number({ minimum: 0, maximum: 1 })
const Name = Type.String({ minLength: 1, maxLength: 100 })
const Trigger = Type.Enum(['motion', 'ring'])
const WatchStateField = Type.Enum(['on', 'privacy', 'camera-lost', 'stopped'])

const Box = Exact({ x: Share, y: Share, width: Share, height: Share })

/** One look of the detector: where something moves, and by how much. */
export const FindingNews = Exact({
  kind: Type.Literal('finding'),
  captureMs: Milliseconds,
  moving: Type.Boolean(),
  changedShare: Type.Number({ minimum: 0 }),
  threshold: Type.Number({ minimum: 0 }),
  boxes: Type.Array(Box, { maxItems: 64 }),
  /** The zones that something moves in, and why the rest of the picture did not count; absent when nobody said. */
  zones: Type.Optional(Type.Array(Name, { maxItems: 64 })),
  reason: Type.Optional(Type.String({ maxLength: 200 })),
})

/** What happens at the door and with what was recorded of it: kept for {@link AgentSnapshot}, and told as it happens. */
export const HappeningNews = Type.Union([
  Exact({ kind: Type.Literal('door'), event: Name, trigger: Trigger, atMs: Milliseconds }),
  Exact({ kind: Type.Literal('watch'), state: WatchStateField, atMs: Milliseconds }),
  Exact({
    kind: Type.Literal('clip'),
    clip: Name,
    event: Name,
    trigger: Trigger,
    items: Amount,
    bytes: Amount,
    startMs: Milliseconds,
    endMs: Milliseconds,
    atMs: Milliseconds,
  }),
  Exact({ kind: Type.Literal('uploaded'), clip: Name, atMs: Milliseconds }),
])
export type HappeningNews = Static<typeof HappeningNews>

/** One line of the stream of news. */
export const ControlNews = Type.Union([FindingNews, HappeningNews])
export type ControlNews = Static<typeof ControlNews>
export const controlNews = createValidator(ControlNews)

/** The agent at one moment. Holds no key, no picture and no pairing secret. */
export const AgentSnapshot = Exact({
  v: Type.Literal(1),
  nowMs: Milliseconds,
  startedMs: Milliseconds,
  camera: Exact({
    name: Name,
    state: Type.Enum(['starting', 'on', 'camera-lost', 'stopped', 'privacy']),
    /** When that began; null before the first picture. */
    sinceMs: Type.Union([Milliseconds, Type.Null()]),
    /** Why it shows nothing; null while it does, and while nobody knows yet. */
    trouble: Type.Union([
      Exact({ code: Type.String({ maxLength: 40 }), text: Type.String({ maxLength: 300 }) }),
      Type.Null(),
    ]),
    /** Null until a picture came. */
    stream: Type.Union([
      Exact({
        codec: Name,
        width: Amount,
        height: Amount,
        /** Distance of the newest two keyframes, and pictures per second between them. */
        gopMs: Type.Union([Milliseconds, Type.Null()]),
        framesPerSecond: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
      }),
      Type.Null(),
    ]),
  }),
  pairing: Exact({ paired: Type.Boolean(), device: Type.Union([Name, Type.Null()]) }),
  relay: Exact({ origin: Type.String({ maxLength: 300 }), connected: Type.Boolean(), waitingEvents: Amount }),
  spool: Exact({ clips: Amount, items: Amount, bytes: Amount, droppedClips: Amount }),
  clock: Type.Union([
    Exact({ source: Type.Enum(['ntp', 'rtc', 'none']), uncertaintyMs: Milliseconds, checkedMs: Milliseconds }),
    Type.Null(),
  ]),
  disk: Type.Union([Exact({ freeBytes: Amount, minimumFreeBytes: Amount }), Type.Null()]),
  software: Exact({ agent: Name, node: Name, ffmpeg: Type.Union([Name, Type.Null()]) }),
  /** Counted since `startedMs`. */
  counts: Exact({ motions: Amount, rings: Amount, clips: Amount, uploaded: Amount }),
  /** Newest last, 20 at most, since `startedMs`. */
  recent: Type.Array(HappeningNews, { maxItems: 20 }),
})
export type AgentSnapshot = Static<typeof AgentSnapshot>
export const agentSnapshot = createValidator(AgentSnapshot)

/** Where to pair: the one answer with a secret, which has a route of its own. */
export const PairingAddress = Exact({
  url: Type.Union([Type.String({ maxLength: 2_000 }), Type.Null()]),
  untilMs: Type.Union([Milliseconds, Type.Null()]),
})
export type PairingAddress = Static<typeof PairingAddress>
export const pairingAddress = createValidator(PairingAddress)

/** `POST /v1/privacy`. */
export const privacyRequest = createValidator(Exact({ on: Type.Boolean() }))

/** `POST` without anything to say. */
export const emptyRequest = createValidator(Exact({}))

/** Answer to a press of the simulated button: the event, or null when it bounced. */
export const RingAnswer = Exact({ event: Type.Union([Name, Type.Null()]) })
export type RingAnswer = Static<typeof RingAnswer>
export const ringAnswer = createValidator(RingAnswer)

/** Answer to a yes to the phone that waited: how many may decide and how many may only look. */
export const AcceptedPhones = Exact({ version: Amount, owners: Amount, viewers: Amount })
export type AcceptedPhones = Static<typeof AcceptedPhones>
export const acceptedPhones = createValidator(AcceptedPhones)

/** Answer to what only has to be done. */
export const DoneAnswer = Exact({ done: Type.Literal(true) })
export type DoneAnswer = Static<typeof DoneAnswer>
export const doneAnswer = createValidator(DoneAnswer)
