import { type DeviceEvent, digestOf, digestOfJws, LatchkeyError, mqttCredentials } from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { QUIET_HEALTH } from './device-health.ts'
import { type DayRecorder, openDayFile } from '../../device-agent/src/day/disk-day-recorder.ts'
import { type Clock, systemClock } from '../../device-agent/src/kernel/clock.ts'
import { type Disk, plainDisk } from '../../device-agent/src/kernel/disk.ts'
import { noFailpoints } from '../../device-agent/src/kernel/failpoint.ts'
import { openDiskOutbox, type Outbox } from '../../device-agent/src/link/disk-outbox.ts'
import { createMqttOpener } from '../../device-agent/src/link/mqtt-session.ts'
import { createPublisher, type Publisher } from '../../device-agent/src/link/publisher.ts'
import { createSealer } from '../../device-agent/src/seal/sealer.ts'
import { type DiskSpool, openDiskSpool } from '../../device-agent/src/spool/disk-spool.ts'
import { createRelayUploadClient } from '../../device-agent/src/upload/relay-upload-client.ts'
import { createUploader, type Uploader, type UploadRelay } from '../../device-agent/src/upload/uploader.ts'
import { plainItem, silentLog, TEST_CLOCK } from './agent-rig.ts'
import { type Device, type Household, randomId, type RelayWorld } from './relay-world.ts'

/** Everything of an agent but its camera, joined as the agent joins it, on a device that is enrolled at a real relay. */
export interface DeviceRig extends AsyncDisposable {
  readonly spool: DiskSpool
  readonly outbox: Outbox
  readonly days: DayRecorder
  readonly uploader: Uploader
  readonly publisher: Publisher
  /** What the relay has signed for: `clip/index` → SHA-256 of the item. */
  readonly receipted: ReadonlyMap<string, string>
  /** When uploads were tried, monotonic ms, and those that the relay signed for, both in order. */
  readonly uploads: { readonly attemptsMs: readonly number[]; readonly succeeded: readonly string[] }
  /** Events that the relay has said it committed. */
  readonly acknowledged: ReadonlyMap<number, DeviceEvent>
  /** Somebody moves: an event, and a clip of `items`. */
  record(items: number): Promise<void>
  drained(timeoutMs: number): Promise<boolean>
}

export interface DeviceRigOptions {
  /** Where it keeps what it keeps. */
  readonly folder: string
  readonly world: RelayWorld
  readonly household: Household
  readonly device: Device
  readonly clock: Clock
  readonly random: () => number
  readonly maximumBytes?: number
  readonly maximumEvents?: number
  readonly retryBaseMs?: number
  /** Uploads at once; default 2. */
  readonly parallel?: number
  readonly onDropped?: (clip: string) => void
  /** Where it writes; the machine's own by default. */
  readonly disk?: Disk
}

/** Of each item, before it is sealed. */
const ITEM_BYTES = 20_000
const ROOM_BYTES = 1 << 30

/** Passes calls on, and remembers when they were made and what the relay signed for. */
function watchUploads(relay: UploadRelay, clock: Clock) {
  const receipted = new Map<string, string>()
  const uploads = { attemptsMs: [] as number[], succeeded: [] as string[] }
  async function watch(name: string, call: () => Promise<string>): Promise<string> {
    uploads.attemptsMs.push(clock.monotonicMs())
    const receipt = await call()
    uploads.succeeded.push(name)
    return receipt
  }
  const watched: UploadRelay = {
    putItem: (clip, item) =>
      watch(`${clip}/${item.index}`, async () => {
        const receipt = await relay.putItem(clip, item)
        receipted.set(`${clip}/${item.index}`, digestOf(item.body))
        return receipt
      }),
    putManifest: (clip) => watch(`${clip.clip}/manifest`, () => relay.putManifest(clip)),
    putDay: (day) => watch(`day/${day.digest}`, () => relay.putDay(day)),
  }
  return { watched, receipted, uploads }
}

/** Passes calls on, and remembers the events that the relay acknowledged. */
function watchAcknowledgements(outbox: Outbox) {
  const acknowledged = new Map<number, DeviceEvent>()
  const watched = {
    get stream() {
      return outbox.stream
    },
    get last() {
      return outbox.last
    },
    get firstUnacknowledged() {
      return outbox.firstUnacknowledged
    },
    at: (sequence: number) => outbox.at(sequence),
    acknowledge(stream: string, sequence: number) {
      const first = outbox.firstUnacknowledged
      const events = Array.from({ length: Math.max(0, sequence - first + 1) }, (_, i) => outbox.at(first + i))
      outbox.acknowledge(stream, sequence)
      if (outbox.firstUnacknowledged === sequence + 1)
        for (const event of events) if (event) acknowledged.set(event.sequence, event)
    },
  }
  return { watched, acknowledged }
}

/** What sleeps in a rig when there is nothing to do: upload, link, and the sign of life of day records. */
export const RIG_LOOPS = 3

/** Opens it, recovery included, and starts sending at once. */
export async function openDeviceRig(options: DeviceRigOptions): Promise<DeviceRig> {
  const { folder, world, household, device, clock, random, disk = plainDisk } = options
  const { signer } = device
  await mkdir(folder, { recursive: true })
  await using stack = new AsyncDisposableStack()
  const identity = { signer, deviceCertificate: digestOfJws(device.certificate), epoch: 1, boot: randomId() }
  const client = createRelayClient({ origin: world.relay.publicOrigin, signer, nowMs: () => clock.nowMs() })
  const wake = { upload: () => {}, link: () => {} }
  const recipients = [household.owner.identity.recipient, household.recovery.recipient]

  const dayFile = await openDayFile(join(folder, 'day.json'), noFailpoints, disk)
  const outbox = stack.use(
    await openDiskOutbox({
      path: join(folder, 'outbox.log'),
      stamp: () => ({ boot: identity.boot, monotonicMs: clock.monotonicMs(), clock: TEST_CLOCK }),
      maximumEvents: options.maximumEvents ?? 50_000,
      keepAfter: dayFile.keepAfter,
      onChange: () => wake.link(),
      disk,
    }),
  )
  const spool = await openDiskSpool({
    directory: join(folder, 'spool'),
    maximumBytes: options.maximumBytes ?? ROOM_BYTES,
    minimumFreeBytes: 0,
    freeBytes: () => Promise.resolve(ROOM_BYTES),
    onChange: () => wake.upload(),
    onDropped: (clip) => options.onDropped?.(clip),
    failpoints: noFailpoints,
    disk,
  })
  const sealer = createSealer({
    spool,
    identity,
    keys: () => ({ keyset: household.keyset.digest, recipients }),
    clock,
    clockStatement: () => TEST_CLOCK,
    seen: () => null,
    software: 'latchkey-test/1',
    async announce({ clip, sequence, payload, trigger, digest }) {
      if (sequence <= outbox.mark) return
      const { event, items } = payload.latchkey
      const body = { clip, event, manifest: digest, items, bytes: 1, trigger, atMs: clock.nowMs() }
      await outbox.append({ type: 'clip', ...body }, sequence)
    },
  })
  await sealer.recover()
  const days = stack.use(
    await dayFile.start({
      identity,
      keyset: () => household.keyset.digest,
      events: outbox,
      head: () => spool.head(),
      seen: () => null,
      record: async (body) => {
        await outbox.append(body)
      },
      clock,
      onChange: () => wake.upload(),
      onFault(error) {
        throw error
      },
    }),
  )
  const trust = { relay: world.relay.publicOrigin, relayJwk: world.relay.relayJwk, device: signer.urn }
  const uploads = watchUploads(createRelayUploadClient(client, trust), clock)
  const sending = { clock, log: silentLog, random, retryBaseMs: options.retryBaseMs ?? 1_000 }
  const uploader = stack.use(
    createUploader({ queue: spool, days, relay: uploads.watched, parallel: options.parallel ?? 2, ...sending }),
  )
  wake.upload = uploader.wake
  const acknowledgements = watchAcknowledgements(outbox)
  const publisher = stack.use(
    createPublisher({
      outbox: acknowledgements.watched,
      open: createMqttOpener({
        device: device.device,
        clock,
        credentials: () => client.json('POST', '/v1/mqtt-credentials', mqttCredentials),
      }),
      health: () => Promise.resolve(QUIET_HEALTH),
      onCheckpoint: () => {},
      ...sending,
    }),
  )
  wake.link = publisher.wake

  async function record(items: number): Promise<void> {
    const [clip, event, startMs] = [randomId(), randomId(), clock.nowMs()]
    await outbox.append({ type: 'motion', event, atMs: startMs })
    await sealer.start({ clip, event, trigger: 'motion', triggerMs: startMs, startMs, monotonicStartMs: 1 })
    for (let index = 0; index < items; index++) {
      const at = index === 0 ? startMs : startMs + (index - 1) * 2_000
      await sealer.item(clip, { ...plainItem(clip, index, ITEM_BYTES), startMs: at })
    }
    await sealer.end({ clip, endMs: startMs + items * 2_000, gaps: [] })
  }

  const kept = stack.move()
  return {
    spool,
    outbox,
    days,
    uploader,
    publisher,
    receipted: uploads.receipted,
    uploads: uploads.uploads,
    acknowledged: acknowledgements.acknowledged,
    record,
    drained: async (timeoutMs) => {
      const done = await Promise.all([uploader.drained(timeoutMs), publisher.drained(timeoutMs)])
      return done.every(Boolean)
    },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  }
}

/** Tries until it works or nobody wants it any more; what a relay answers that is there counts, a broken answer does not. */
export async function untilAnswered<T>(stopped: () => boolean, deed: () => Promise<T>): Promise<T | null> {
  while (!stopped()) {
    try {
      return await deed()
    } catch (error) {
      if (error instanceof LatchkeyError && error.code !== 'UNAVAILABLE') throw error
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
  }
  return null
}

/** The machine's wall clock, with waits that pass `haste` times as fast. */
export function createHastyClock(haste: number): Clock {
  return {
    nowMs: () => systemClock.nowMs(),
    monotonicMs: () => systemClock.monotonicMs() * haste,
    sleep: (delayMs, signal) => systemClock.sleep(Math.max(0, delayMs) / haste, signal),
    setTimer: (delayMs, callback) => systemClock.setTimer(delayMs / haste, callback),
  }
}
