import {
  canonicalBytes,
  type ClipManifest,
  clipList,
  clipManifest,
  dayRecord,
  decodeBase64url,
  type DeviceEvent,
  digestOf,
  encodeBase64url,
  encodeDescriptor,
  hashLeaf,
  type Identity,
  isSignedBy,
  type ItemDescriptor,
  openCommitted,
  openFile,
  type PublicJwk,
  recoverFileKey,
  rootOfLeaves,
  type Signed,
  splitAgeFile,
} from '@latchkey/shared'
import type { RelayClient } from '@latchkey/shared/client'
import { expect } from 'vitest'

/** A clip as a relay holds it. */
export interface HeldClip {
  readonly clip: string
  readonly signed: Signed<ClipManifest>
  readonly descriptors: readonly ItemDescriptor[]
  /** Whole sealed items, index order. */
  readonly bodies: readonly Uint8Array[]
}

/** Every clip of the caller's household with every item, in the order in which the relay took their newest manifests. */
export async function loadHeldClips(member: RelayClient): Promise<HeldClip[]> {
  const held: HeldClip[] = []
  for (let after: number | null = 0; after !== null;) {
    const page: { clips: readonly { clip: string; manifest: string; descriptors: ItemDescriptor[] }[] } & {
      next: number | null
    } = await member.json('GET', `/v1/clips?after=${after}`, clipList)
    for (const { clip, manifest, descriptors } of page.clips) {
      const bodies: Uint8Array[] = []
      for (const { index } of descriptors) bodies.push(await member.bytes('GET', `/v1/clips/${clip}/items/${index}`))
      held.push({ clip, signed: clipManifest.parse(manifest), descriptors, bodies })
    }
    after = page.next
  }
  return held
}

/** Clips by their place in the chain. */
export function inSequence(clips: readonly HeldClip[]): HeldClip[] {
  return clips.toSorted((a, b) => a.signed.payload.latchkey.sequence - b.signed.payload.latchkey.sequence)
}

/**
 * The rules of a whole chain: finals only, signed by the device, sequences without a gap, each naming the final before
 * it, one revision per item and one more, and a root over exactly the descriptors that are there.
 */
export function assertWholeChain(clips: readonly HeldClip[], device: PublicJwk): void {
  const chain = inSequence(clips)
  const payloads = chain.map(({ signed }) => signed.payload.latchkey)
  expect(chain.filter(({ signed }) => !isSignedBy(signed, device))).toEqual([])
  expect(payloads.map(({ sequence, open }) => [sequence, open])).toEqual(chain.map((_, i) => [i + 1, false]))
  const digests = chain.map(({ signed }) => signed.digest)
  expect(payloads.map(({ previous }) => previous)).toEqual(chain.map((_, i) => digests[i - 1] ?? null))
  for (const { signed, descriptors } of chain) {
    const { items, itemsRoot, revision } = signed.payload.latchkey
    expect([items, revision]).toEqual([descriptors.length, descriptors.length + 1])
    const leaves = descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor)))
    expect(itemsRoot).toBe(encodeBase64url(rootOfLeaves(leaves)))
    expect(descriptors.map(({ index }) => index)).toEqual(descriptors.map((_, i) => i))
    assertNoHole(descriptors)
  }
}

/** Video goes on where the segment before it ended: nothing finished is missing in between. */
function assertNoHole(descriptors: readonly ItemDescriptor[]): void {
  const media = descriptors.filter(({ kind }) => kind === 'media')
  for (const [i, { startMs }] of media.entries()) {
    const before = media[i - 1]
    // Stamps are whole milliseconds, frames are not.
    if (before) expect(Math.abs(startMs - before.startMs - before.durationMs)).toBeLessThanOrEqual(2)
  }
}

/** Every item opens with `identity` and is what the device committed to. */
export function assertOpens({ descriptors, bodies }: HeldClip, identity: Identity): void {
  expect(bodies).toHaveLength(descriptors.length)
  for (const [i, descriptor] of descriptors.entries()) {
    const { header, payload } = splitAgeFile(bodies[i]!)
    expect([digestOf(payload), payload.length]).toEqual([descriptor.payloadSha256, descriptor.payloadBytes])
    const committed = {
      nonce: payload.subarray(0, 16),
      keyCommitment: decodeBase64url(descriptor.keyCommitment),
      plaintextCommitment: decodeBase64url(descriptor.plaintextCommitment),
    }
    const plaintext = openCommitted(recoverFileKey(header, identity, committed), payload, committed)
    expect(digestOf(plaintext)).toBe(digestOf(openFile(bodies[i]!, identity)))
  }
}

/** One stream, every sequence once, every id once, and one `clip` event per final manifest, in the chain's order. */
export function assertWholeEvents(events: readonly DeviceEvent[], clips: readonly HeldClip[]): void {
  expect(new Set(events.map(({ stream }) => stream)).size).toBe(1)
  expect(events.map(({ sequence }) => sequence)).toEqual(events.map((_, i) => i + 1))
  expect(new Set(events.map(({ id }) => id)).size).toBe(events.length)
  const told = events.flatMap((event) => (event.type === 'clip' ? [[event.clip, event.manifest]] : []))
  expect(told).toEqual(inSequence(clips).map(({ clip, signed }) => [clip, signed.digest]))
  const causes = new Set(events.flatMap((e) => (e.type === 'motion' || e.type === 'ring' ? [e.event] : [])))
  expect(clips.filter(({ signed }) => !causes.has(signed.payload.latchkey.event))).toEqual([])
}

/** Day records that cover time, events and clips without a gap, each event hashed as the relay has it. */
export function assertWholeDays(
  days: readonly string[],
  events: readonly DeviceEvent[],
  clips: readonly HeldClip[],
): void {
  const spans = days.map((day) => dayRecord.parse(day).payload.latchkey).toSorted((a, b) => a.fromMs - b.fromMs)
  const chain = inSequence(clips).map(({ signed }) => signed.digest)
  let [eventsThrough, clipsThrough] = [0, 0]
  for (const [i, { fromMs, toMs, events: covered, manifests }] of spans.entries()) {
    expect(toMs).toBeGreaterThanOrEqual(fromMs)
    if (i > 0) expect(fromMs).toBe(spans[i - 1]!.toMs)
    if (covered.last > 0) {
      expect(covered.first).toBe(eventsThrough + 1)
      const bytes = events.slice(covered.first - 1, covered.last).map((event) => canonicalBytes(event))
      expect(covered.sha256).toBe(digestOf(...bytes))
      eventsThrough = covered.last
    }
    if (manifests.last > 0) {
      expect(manifests.first).toBe(clipsThrough + 1)
      clipsThrough = manifests.last
    }
    expect(manifests.head).toBe(chain[clipsThrough - 1] ?? null)
  }
  expect([eventsThrough, clipsThrough]).toEqual([events.length, chain.length])
}
