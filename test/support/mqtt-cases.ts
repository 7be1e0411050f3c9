import { canonicalJson, type DeviceEvent, deviceTopic, MAX_MQTT_BYTES, randomBytes } from '@latchkey/shared'
import { clipId, TEST_CLOCK } from './agent-rig.ts'
import { mutatedValue, type MutableJson, pick, type Random, respelledText } from './json-mutants.ts'
import { connectPacket, type Credential, packet, prefixed, publishPacket, subscribePacket } from './mqtt-bytes.ts'
import { randomId } from './relay-world.ts'

/** An event that parses. */
export const motion = (stream: string, sequence: number): DeviceEvent => ({
  v: 1,
  type: 'motion',
  id: randomId(),
  stream,
  sequence,
  atMs: 1_700_000_000_000,
  boot: randomId(),
  monotonicMs: 5,
  clock: TEST_CLOCK,
  event: randomId(),
})

/** A payload that is wrong, or right by chance. */
export function badPayload(random: Random, number: number): Uint8Array {
  const good = JSON.parse(canonicalJson(motion(clipId(9), 1 + number))) as MutableJson
  const text = canonicalJson(good)
  const depth = 1 + random(8_000)
  return pick<() => Uint8Array>(random, [
    () => randomBytes(random(400)),
    () => Buffer.from(text.slice(0, random(text.length))),
    () => Buffer.from(JSON.stringify(mutatedValue(good, random))),
    () => Buffer.from(JSON.stringify(mutatedValue(good, random))),
    () => Buffer.from(respelledText(good, random)),
    () => Buffer.from('['.repeat(depth) + ']'.repeat(depth)),
    () => Buffer.from('{"a":'.repeat(2_000) + '0' + '}'.repeat(2_000)),
    () =>
      Buffer.from(text.replace('motion', pick(random, ['motion\\u0000', 'clip', 'state', '\\ud800', 'mo\u200btion']))),
    () => Buffer.alloc(MAX_MQTT_BYTES + 1 + random(2_000), 0x20),
    () => Buffer.from(pick(random, ['', 'null', '0', '""', '{}', '[]', '\uFEFF{}', 'true'])),
  ])()
}

/** A login that is not one. */
export function badCredential(random: Random, own: Credential, other: Credential): Credential {
  const [header, payload, signature] = own.password.split('.') as [string, string, string]
  const claims = JSON.parse(Buffer.from(payload, 'base64url').toString('utf8')) as MutableJson
  const forged = Buffer.from(canonicalJson(mutatedValue(claims, random))).toString('base64url')
  const unsigned = Buffer.from(canonicalJson({ alg: 'none', typ: 'latchkey-mqtt+jwt' })).toString('base64url')
  return pick<() => Credential>(random, [
    () => ({ ...own, password: `${header}.${forged}.${signature}` }),
    () => ({ ...own, password: `${unsigned}.${payload}.` }),
    () => ({ ...own, password: other.password }),
    () => ({ ...other, password: own.password }),
    () => ({ ...own, clientId: other.clientId }),
    () => ({ ...own, clientId: 'relay.relay.out' }),
    () => ({ ...own, username: 'relay' }),
    () => ({ clientId: own.clientId, username: 'relay', password: '' }),
    () => ({ ...own, username: pick(random, ['', '#', 'x'.repeat(300), '\0', other.username]) }),
    () => ({ ...own, password: own.password.slice(0, random(own.password.length)) }),
    () => ({ ...own, password: Buffer.from(randomBytes(random(600))).toString('latin1') }),
    () => ({ ...own, password: other.password.replace('.', '..') }),
  ])()
}

/** What a broken or hostile client sends from its first byte on. */
export function badConversation(random: Random, own: Credential): Uint8Array[] {
  const good = connectPacket(own)
  const flipped = Uint8Array.from(good)
  flipped[random(40)]! ^= 1 << random(8)
  const topic = deviceTopic(own.username, 'events')
  const level = (value: number) =>
    Buffer.concat([prefixed('MQTT'), Buffer.from([value, 0xc2, 0, 30]), good.subarray(13)])
  return pick<() => Uint8Array[]>(random, [
    () => [randomBytes(1 + random(300))],
    () => [good.subarray(0, random(good.length))],
    () => [flipped],
    () => [packet(0x10, good.subarray(2), 268_435_455)],
    () => [packet(0x10, level(pick(random, [0, 3, 5, 255])))],
    () => [packet(0x10, Buffer.concat([prefixed('x'.repeat(random(2_000))), Buffer.from([4, 2, 0, 0])]))],
    () => [Uint8Array.of(0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f)],
    () => [publishPacket(topic, randomBytes(50)), good],
    () => [good, good],
    () => [good, randomBytes(1 + random(300))],
    () => [good, packet(random(256), randomBytes(random(200)))],
    () => [good, packet(random(256), randomBytes(random(20)), random(30_000))],
    () => [good, subscribePacket(topic, 2 + random(254))],
    () => [good, subscribePacket(randomBytes(random(40)))],
    () => [good, packet(0x82, Buffer.from([0, 1]))],
    () => [good, packet(0x32, Buffer.from([0xff, 0xff, 0x61]))],
    () => [good, publishPacket(randomBytes(1 + random(30)), randomBytes(20))],
    () => [good, publishPacket(topic, Buffer.alloc(20_000 + random(5_000)))],
    () => [good, ...Array.from({ length: 200 }, () => packet(0xc0, Buffer.alloc(0)))],
  ])()
}

/**
 * Never a right one for an outbox of `last` events: another stream, a sequence that was not given, or no acknowledgement at all.
 */
export function badAcknowledgement(random: Random, { stream, last }: { stream: string; last: number }): Uint8Array {
  const right = { v: 1, stream, sequence: 1 + random(last) }
  const text = canonicalJson(right)
  const make = pick<() => string | Uint8Array>(random, [
    () => canonicalJson({ ...right, stream: randomId() }),
    () => canonicalJson({ ...right, sequence: last + 1 + random(1_000) }),
    () => canonicalJson({ ...right, sequence: pick<unknown>(random, [-1, 0, 1.5, '1', null, 1e20, 2 ** 53, [1], {}]) }),
    () => canonicalJson({ ...right, v: pick<unknown>(random, [0, 2, '1', null]) }),
    () => canonicalJson({ ...right, extra: 1 }),
    () => canonicalJson({ v: 1, sequence: right.sequence }),
    () => text.slice(0, random(text.length)),
    () => `${text}${text}`,
    () => `[${text}]`,
    () => `\uFEFF${text}`,
    () => '['.repeat(8_000) + ']'.repeat(8_000),
    () => Buffer.alloc(MAX_MQTT_BYTES + 1, 0x20),
    () => randomBytes(random(200)),
  ])
  return Buffer.from(make())
}
