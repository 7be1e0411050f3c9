import { codeOf, deviceCertificate, type Health, keysetList, mqttCredentials, type Signer } from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/node'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { CameraSource } from './camera/source.ts'
import { type AgentConfig, DEFAULTS } from './config.ts'
import { openDayFile } from './day/disk-day-recorder.ts'
import type { AgentNews, AgentObserver, CameraState, DeviceIdentity, DoorEvent, EventBody, WatchState } from './flow.ts'
import { loadBootId } from './kernel/boot-id.ts'
import { runChild } from './kernel/child-process.ts'
import type { Clock } from './kernel/clock.ts'
import type { Failpoints } from './kernel/failpoint.ts'
import type { Log } from './kernel/log.ts'
import { createKeysetFollower } from './keys/keyset-follower.ts'
import type { PairingDisplay } from './keys/pairing.ts'
import { createPairingStore, type PairingState } from './keys/pairing-state.ts'
import { createCheckpointKeeper } from './link/checkpoint-keeper.ts'
import { openDiskOutbox } from './link/disk-outbox.ts'
import { createMqttOpener } from './link/mqtt-session.ts'
import { createPublisher } from './link/publisher.ts'
import { createClockSource } from './seal/clock-source.ts'
import { createSealer } from './seal/sealer.ts'
import { openDiskSpool, type SpoolStatus } from './spool/disk-spool.ts'
import { createRelayUploadClient } from './upload/relay-upload-client.ts'
import { createUploader } from './upload/uploader.ts'
import { startWatching } from './watching.ts'

/** What every manifest says of the program that made it. */
export const SOFTWARE = 'latchkey-agent/0.1.0'

/** What a test or a main program may put in the place of the ordinary parts. */
export interface AgentParts {
  readonly clock?: Clock
  readonly log?: Log
  /** Uniform in [0, 1). */
  readonly random?: () => number
  readonly failpoints?: Failpoints
  /** The value of `PATH`, where ffmpeg is looked for. */
  readonly searchPath?: string
  /** The operator's choice of ffmpeg. */
  readonly ffmpegPath?: string
  readonly display?: Partial<PairingDisplay>
  /** Pause between two looks into the pairing mailbox. */
  readonly pairingPollMs?: number
  /** Mean of the first pause after a failure of upload or link. */
  readonly retryBaseMs?: number
}

/** What records and sends, at this moment. */
export interface RecorderStatus {
  readonly camera: CameraState
  /** The household switched the camera off. */
  readonly privacy: boolean
  readonly spool: SpoolStatus
  /** Events that the relay has not acknowledged. */
  readonly outboxEvents: number
  readonly connected: boolean
}

/** The agent's parts once it is paired. */
export interface Recorder extends AsyncDisposable {
  /** Resolves when the source has ended (files do) or the recorder was disposed; rejects when it cannot be used. */
  readonly captured: Promise<void>
  /** Somebody rang at `atMs` of the device clock: recorded, with a clip, and told to the relay. */
  ring(atMs: number): DoorEvent
  status(): RecorderStatus
  /** Tells `observer` everything from now on, until the returned function is called. */
  observe(observer: AgentObserver): () => void
  /**
   * On: what is open ends, the sensor's process ends, and it stays so across restarts; a ring is still told. Resolves
   * when nothing reads the camera any more and the choice is on the disk. Off: watching starts again. Idempotent.
   * @throws node's file system errors when the choice could not be kept; the camera is off all the same
   */
  setPrivacy(on: boolean): Promise<void>
  drained(timeoutMs: number): Promise<boolean>
}

/** What the whole agent has in common. */
export interface AgentContext {
  readonly config: AgentConfig
  readonly parts: AgentParts
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly failpoints: Failpoints
  readonly source: CameraSource
  readonly signer: Signer
}

const PROGRAM_TIMEOUT_MS = 5_000

/** Runs a small program of the system by its name; null when it is missing or failed. */
function createProgramRunner(clock: Clock) {
  return async (name: string, args: readonly string[]): Promise<string | null> => {
    const options = { command: `/usr/bin/${name}`, args, clock, maxOutputBytes: 65_536, timeoutMs: PROGRAM_TIMEOUT_MS }
    const result = await runChild(options).catch(() => null)
    return result?.code === 0 ? new TextDecoder().decode(result.stdout) : null
  }
}

function watchStateOf(state: CameraState): WatchState | null {
  return state === 'starting' ? null : state
}

/**
 * Everything from camera to relay, in the order of the picture; disposed in reverse: a graceful stop.
 * @throws DEPENDENCY_MISSING without an ffmpeg, CONFIG_INVALID for damaged state, and node's file system errors
 */
export async function startRecorder(context: AgentContext, pairing: PairingState): Promise<Recorder> {
  const { config, parts, clock, log, random, failpoints, signer } = context
  const { dataDir } = config
  await using stack = new AsyncDisposableStack()
  const certificate = deviceCertificate.parse(pairing.deviceCertificate)
  const { device } = certificate.payload.latchkey
  const identity: DeviceIdentity = {
    signer,
    deviceCertificate: certificate.digest,
    epoch: pairing.epoch,
    boot: await loadBootId(signer.thumbprint),
  }
  const nowMs = () => clock.nowMs()
  const relay: RelayClient = createRelayClient({ origin: pairing.relay, signer, nowMs })
  const anyone: RelayClient = createRelayClient({ origin: pairing.relay, nowMs })
  const freeBytes = async (): Promise<number> => {
    const { bavail, bsize } = await statfs(dataDir)
    return bavail * bsize
  }
  // Stages that tell each other of changes are joined here, when all of them exist.
  const wake = { upload: () => {}, link: () => {}, health: () => {} }
  const startedMs = clock.monotonicMs()
  let camera: CameraState = 'starting'
  let diskFull = false
  const observers = new Set<AgentObserver>()
  const tell = (news: AgentNews): void => observers.forEach((observer) => observer(news))

  const clockSource = stack.use(
    await createClockSource({
      clock,
      run: createProgramRunner(clock),
      fallbackUncertaintyMs: config.clock?.uncertaintyMs ?? DEFAULTS.uncertaintyMs,
    }),
  )
  const checkpoints = stack.use(
    await createCheckpointKeeper({
      path: join(dataDir, 'keys', 'checkpoint'),
      logVkey: pairing.logVkey,
      fetchBytes: (path) => anyone.bytes('GET', path),
      clock,
      log,
    }),
  )
  const follower = stack.use(
    createKeysetFollower({
      state: pairing,
      store: createPairingStore(join(dataDir, 'keys'), failpoints),
      fetchKeysets: () => relay.json('GET', '/v1/keysets', keysetList),
      clock,
      log,
    }),
  )

  const dayFile = await openDayFile(join(dataDir, 'events', 'day.json'), failpoints)
  const outbox = stack.use(
    await openDiskOutbox({
      path: join(dataDir, 'events', 'outbox.log'),
      stamp: () => ({ boot: identity.boot, monotonicMs: clock.monotonicMs(), clock: clockSource.statement() }),
      maximumEvents: config.events?.maximum ?? DEFAULTS.maximumEvents,
      keepAfter: dayFile.keepAfter,
      onOverflow: (count) => log.error({ count }, 'the event queue is full: the oldest go unsent'),
      onChange: () => wake.link(),
      failpoints,
    }),
  )

  /** Events in the order in which they happen; an event that cannot be kept is the disk's failure, and is said. */
  let recorded: Promise<unknown> = Promise.resolve()
  const record = (body: EventBody): void => {
    recorded = recorded
      .then(() => outbox.append(body))
      .catch((error: unknown) => log.error({ code: codeOf(error), type: body.type }, 'an event could not be kept'))
  }

  const spool = await openDiskSpool({
    directory: join(dataDir, 'spool'),
    maximumBytes: config.spool?.maximumBytes ?? DEFAULTS.maximumBytes,
    minimumFreeBytes: config.spool?.minimumFreeBytes ?? DEFAULTS.minimumFreeBytes,
    freeBytes,
    onChange: () => wake.upload(),
    onDropped(clip, reason) {
      log.error({ clip, reason }, 'a clip was given up')
      if (reason === 'disk-full' && !diskFull) record({ type: 'state', state: 'disk-full', atMs: clock.nowMs() })
      diskFull ||= reason === 'disk-full'
      wake.health()
    },
    failpoints,
  })

  const sealer = createSealer({
    spool,
    identity,
    keys: () => follower.keys(),
    clock,
    clockStatement: () => clockSource.statement(),
    seen: () => checkpoints.seen(),
    software: SOFTWARE,
    async announce(clip) {
      if (clip.sequence <= outbox.mark) return
      const { event, items } = clip.payload.latchkey
      const bytes = clip.bodies.reduce((sum, body) => sum + body.sizeBytes, 0)
      const { clip: id, trigger, digest: manifest } = clip
      // Behind the motion or ring that began it.
      await recorded
      await outbox.append(
        { type: 'clip', event, clip: id, manifest, items, bytes, trigger, atMs: clock.nowMs() },
        clip.sequence,
      )
      log.info({ clip: id, items, bytes, trigger }, 'clip recorded')
      tell({ kind: 'clip', clip: id, event, trigger, items, bytes })
    },
  })
  await sealer.recover()

  const days = stack.use(
    await dayFile.start({
      identity,
      keyset: () => follower.keys().keyset,
      events: outbox,
      head: () => spool.head(),
      seen: () => checkpoints.seen(),
      record: async (body) => {
        await outbox.append(body)
      },
      clock,
      onChange: () => wake.upload(),
      onFault: (error) => log.error({ code: codeOf(error) }, 'a day record could not be kept'),
    }),
  )

  const trust = { relay: pairing.relay, relayJwk: pairing.relayJwk, device: signer.urn }
  const retry = parts.retryBaseMs === undefined ? {} : { retryBaseMs: parts.retryBaseMs }
  const uploader = stack.use(
    createUploader({
      queue: spool,
      days,
      relay: createRelayUploadClient(relay, trust),
      clock,
      log,
      random,
      parallel: config.upload?.parallel ?? DEFAULTS.parallel,
      ...retry,
    }),
  )
  wake.upload = uploader.wake

  const health = async (): Promise<Health> => {
    const { items, bytes, droppedClips } = spool.status()
    return {
      v: 1,
      software: SOFTWARE,
      camera,
      spoolItems: items,
      spoolBytes: bytes,
      outboxEvents: outbox.waiting,
      freeBytes: await freeBytes(),
      droppedClips,
      uptimeMs: Math.round(clock.monotonicMs() - startedMs),
    }
  }
  const publisher = stack.use(
    createPublisher({
      outbox,
      open: createMqttOpener({
        device,
        clock,
        credentials: () => relay.json('POST', '/v1/mqtt-credentials', mqttCredentials),
      }),
      health,
      onCheckpoint: () => checkpoints.wake(),
      clock,
      log,
      random,
      ...retry,
    }),
  )
  wake.link = publisher.wake
  wake.health = publisher.wakeHealth

  const drained = async (timeoutMs: number): Promise<boolean> => {
    await recorded
    const [uploaded, told] = await Promise.all([uploader.drained(timeoutMs), publisher.drained(timeoutMs)])
    return uploaded && told
  }

  let watch: WatchState | null = null
  function onState(state: CameraState, atMs: number): void {
    camera = state
    wake.health()
    const next = watchStateOf(state)
    if (next === null || next === watch) return
    watch = next
    log.info({ state }, 'camera')
    record({ type: 'state', state: next, atMs })
    tell({ kind: 'watch', state: next, atMs })
  }

  /** The end of a graceful stop, before anything is closed: what is known is signed, and gets a moment to leave. */
  stack.defer(async () => {
    onState('stopped', clock.nowMs())
    await recorded
    await days.sign()
    await drained(config.stopGraceMs ?? DEFAULTS.stopGraceMs)
  })

  const watching = stack.use(
    await startWatching(context, {
      sink: sealer,
      onState,
      onEvent(event) {
        record({ type: event.trigger, event: event.event, atMs: event.atMs })
        tell({ kind: 'door', event })
      },
      onFinding: (finding) => tell({ kind: 'finding', finding }),
    }),
  )
  const whole = stack.move()
  return {
    captured: watching.done,
    ring: (atMs) => watching.ring(atMs),
    status: () => ({
      camera,
      privacy: watching.isPrivate,
      spool: spool.status(),
      outboxEvents: outbox.waiting,
      connected: publisher.connected,
    }),
    setPrivacy: (on) => watching.set(on),
    observe(observer) {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    drained,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
