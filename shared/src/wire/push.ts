/** Telling a phone that somebody rings. @see spec/push.md */
import { type Static, Type } from 'typebox'
import { B64u, B64u32, EpochMs, Exact, Id16, Seconds, Urn, Version1 } from './fields.ts'
import { defineMessage } from './jws.ts'
import { createValidator } from './schema.ts'

/** Uncompressed P-256 point: 65 bytes, the first of them 4. */
const Point = Type.String({ pattern: '^B[A-Za-z0-9_-]{85}[AEIMQUYcgkosw048]$' })
/** Minute of the UTC day. */
const UtcMinute = Type.Integer({ minimum: 0, maximum: 1_439 })

/** What a phone wants to be told of at once: whoever wants movement wants rings. */
export const PushEvents = Type.Union([
  Type.Tuple([Type.Literal('ring')]),
  Type.Tuple([Type.Literal('motion'), Type.Literal('ring')]),
])

/**
 * A phone's word to its doorbells: how to write to it, and of what. Signed by the phone *inside* an age file to the doorbells,
 * since anybody can seal to them; the relay, which stores it, reads nothing of it.
 */
export const pushKeys = defineMessage(
  'latchkey-push+jwt',
  Exact({
    iss: Urn,
    iat: Seconds,
    latchkey: Exact({
      v: Version1,
      p256dh: Point,
      auth: Type.String({ pattern: '^[A-Za-z0-9_-]{21}[AQgw]$' }),
      events: PushEvents,
    }),
  }),
)
export type PushKeysMessage = ReturnType<typeof pushKeys.parse>['payload']

/** What a doorbell writes to a phone, encrypted: nothing that the phone does not need to say it. */
export const DoorPush = Exact({
  v: Version1,
  type: Type.Enum(['motion', 'ring']),
  device: Id16,
  event: Id16,
  atMs: EpochMs,
})
export type DoorPush = Static<typeof DoorPush>
export const doorPush = createValidator(DoorPush)

/** A doorbell's message is padded to this, so that a ring has the length of everything else. */
export const DOOR_PUSH_BYTES = 256
/** Of the age file that holds a phone's {@link pushKeys}, to eight doorbells at most. */
export const MAX_PUSH_KEYS_BYTES = 4_096
const MAX_ENDPOINT_CHARACTERS = 1_024
/** A household has sixteen members; each costs a doorbell a key exchange and a signature. */
const MAX_SUBSCRIPTIONS = 64

const SealedKeys = B64u(Math.ceil((MAX_PUSH_KEYS_BYTES * 4) / 3))

/** `PUT /v1/push-subscriptions`: the relay learns where to hand over, and when it is time for the daily push. */
export const PushSubscription = Exact({
  endpoint: Type.String({ pattern: '^https?://[!-~]+$', maxLength: MAX_ENDPOINT_CHARACTERS }),
  minuteUtc: UtcMinute,
  keys: SealedKeys,
})
export type PushSubscription = Static<typeof PushSubscription>

/** `GET /v1/push-subscriptions`: all of the household to a doorbell, to a phone its own. */
export const PushSubscriptionList = Exact({
  /** Of this relay, as browsers want it when they subscribe. @see RFC 8292 §3.2 */
  applicationServerKey: Point,
  subscriptions: Type.Array(Exact({ member: B64u32, keys: SealedKeys }), { maxItems: MAX_SUBSCRIPTIONS }),
})
export type PushSubscriptionList = Static<typeof PushSubscriptionList>
export const pushSubscriptionList = createValidator(PushSubscriptionList)

/** `POST /v1/pushes`: one encrypted message, to hand over as it is. */
export const PushSubmission = Exact({ member: B64u32, body: B64u(5_462) })
export type PushSubmission = Static<typeof PushSubmission>
