import { Type, type Static } from 'typebox'
import { canonicalBytes, type Json } from '../bytes/canonical-json.ts'
import { fromUtf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { ClockStatement } from './clip.ts'
import { Count, DigestField, DurationMs, EpochMs, Exact, Id16, Line, Version1 } from './fields.ts'
import { createValidator, parseWith, type Validator } from './schema.ts'

/** No message of ours is larger; the broker refuses more. */
export const MAX_MQTT_BYTES = 16_384

const Sequence = Type.Integer({ minimum: 1, maximum: Number.MAX_SAFE_INTEGER })
const eventFields = {
  v: Version1,
  id: Id16,
  /** Random; new whenever the sequence restarts. */
  stream: Id16,
  sequence: Sequence,
  atMs: EpochMs,
  boot: Id16,
  monotonicMs: DurationMs,
  clock: ClockStatement,
}

/** Something happened: small, no image, no place, no camera name. */
export const DeviceEvent = Type.Union([
  Exact({ ...eventFields, type: Type.Literal('motion'), event: Id16 }),
  Exact({ ...eventFields, type: Type.Literal('ring'), event: Id16 }),
  Exact({
    ...eventFields,
    type: Type.Literal('clip'),
    event: Id16,
    clip: Id16,
    manifest: DigestField,
    items: Count,
    bytes: Count,
    trigger: Type.Union([Type.Literal('motion'), Type.Literal('ring')]),
  }),
  Exact({
    ...eventFields,
    type: Type.Literal('state'),
    state: Type.Enum(['on', 'privacy', 'camera-lost', 'stopped', 'disk-full', 'disk-lost', 'disk-ok']),
  }),
])
export type DeviceEvent = Static<typeof DeviceEvent>

/** relay → device, after the commit. */
export const Acknowledged = Exact({ v: Version1, stream: Id16, sequence: Count })
export type Acknowledged = Static<typeof Acknowledged>

/** device → relay after each connect and whenever its oldest event has waited 30 s. */
export const MqttHello = Exact({ v: Version1, stream: Id16, firstUnacknowledged: Sequence })
export type MqttHello = Static<typeof MqttHello>

/** Retained state of health; no clip times. */
export const Health = Exact({
  v: Version1,
  software: Line(100),
  camera: Type.Enum(['starting', 'on', 'camera-lost', 'privacy', 'stopped']),
  spoolItems: Count,
  spoolBytes: Count,
  outboxEvents: Count,
  freeBytes: Count,
  droppedClips: Count,
  uptimeMs: DurationMs,
  /** The data disk: `full` when clips are given up, `missing` when another file system or nothing is in its place. */
  storage: Type.Enum(['ok', 'full', 'read-only', 'missing', 'failing']),
  /** Flash wear: bytes written in the last 24 h, or since the start when that is later; whole blocks of 4 KiB. */
  writtenBytes: Count,
})
export type Health = Static<typeof Health>

export const deviceEvent = createValidator(DeviceEvent)
export const acknowledged = createValidator(Acknowledged)
export const mqttHello = createValidator(MqttHello)
export const health = createValidator(Health)

/** `available` is plain text, so that any MQTT tool reads it. */
export const AVAILABILITY = ['online', 'offline', 'stopped'] as const
export type Availability = (typeof AVAILABILITY)[number]

/**
 * MQTT payload → message. Untrusted: `payload`.
 * @throws MESSAGE_TOO_LARGE | JSON_INVALID | MESSAGE_INVALID | TEXT_INVALID | ENCODING_INVALID
 */
export function parseMqtt<T>(validator: Validator<T>, payload: Uint8Array, what: string): T {
  if (payload.length > MAX_MQTT_BYTES)
    throw new LatchkeyError('MESSAGE_TOO_LARGE', `${what} is over ${MAX_MQTT_BYTES} bytes`)
  let value: Json
  try {
    value = JSON.parse(fromUtf8(payload)) as Json
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', `${what} is not JSON`, { cause })
  }
  return parseWith(validator, value, what)
}

/** Message → MQTT payload (JCS). */
export const encodeMqtt = (message: DeviceEvent | Acknowledged | MqttHello | Health): Uint8Array =>
  canonicalBytes(message)
