import { codeOf, deviceCertificate, type Health, type Keyset, mqttCredentials } from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import { join } from 'node:path'
import type { AgentContext } from './agent-context.ts'
import { type AgentConfig, DEFAULTS } from './config.ts'
import { openDayFile } from './day/disk-day-recorder.ts'
import type { AgentNews, AgentObserver, CameraState, DeviceIdentity, DoorEvent, WatchState } from './flow.ts'
import { loadBootId } from './kernel/boot-id.ts'
import { createProgramRunner } from './kernel/child-process.ts'
import { createLoopWatch, judgeVitals, type Vitals } from './kernel/vitals.ts'
import { createKeysetFollower } from './keys/keyset-follower.ts'
import { createRelayKeysets } from './keys/relay-keysets-client.ts'
import { createPairingStore, type PairingState } from './keys/pairing-state.ts'
import { createCheckpointKeeper } from './link/checkpoint-keeper.ts'
import { openDiskOutbox } from './link/disk-outbox.ts'
import { createEventKeeper } from './link/event-keeper.ts'
import { createMqttOpener } from './link/mqtt-session.ts'
import { createPublisher } from './link/publisher.ts'
import { startPushes } from './pushes.ts'
import { diskView, roomOf, type RecorderStatus, type RecorderView, watchStateOf } from './recorder-view.ts'
import { createClockSource } from './seal/clock-source.ts'
import { createSealer } from './seal/sealer.ts'
import { openDiskSpool } from './spool/disk-spool.ts'
import { createStorageWatch } from './spool/storage-watch.ts'
import { createRelayUploadClient } from './upload/relay-upload-client.ts'
import { tellingUploads } from './upload/telling-uploads.ts'
import { createUploader } from './upload/uploader.ts'
import { watchSink } from './watched-sink.ts'
import { startWatching, viewOf } from './watching.ts'

/** What every manifest says of the program that made it. */
export const SOFTWARE = 'latchkey-agent/0.1.0'

/** The agent's parts once it is paired. */
export interface Recorder extends AsyncDisposable {
  /** Resolves when the source has ended (files do) or the recorder was disposed; rejects when it cannot be used. */
  readonly captured: Promise<void>
  /** Somebody rang at `atMs` of the device clock: recorded, with a clip, and told to the relay. */
  ring(atMs: number): DoorEvent
  /** Somebody at the device says yes to the phone that waits to be added. @throws as `KeysetFollower.accept` */
  acceptKeyset(): Promise<Keyset>
  status(): RecorderStatus
  /** Does it see, can it keep what it sees, does it answer? `stuck` is what a watchdog may restart it for. */
  vitals(): Vitals
  view(): Promise<RecorderView>
  /**
   * The newest keyframe as JPEG, in memory only.
   * @throws UNAVAILABLE while the camera shows nothing
   */
  still(): Promise<Uint8Array>
  /** Tells `observer` everything from now on, until the returned function is called. */
  observe(observer: AgentObserver): () => void
  /**
   * On: what is open ends, the sensor's process ends, and it stays so across restarts; a ring is still told. Resolves
   * when nothing reads the camera any more and the choice is on the disk. Off: watching starts again. Idempotent.
   * @throws node's file system errors when the choice could not be kept; the camera is off all the same
   */
  setPrivacy(on: boolean): Promise<void>
  /**
   * Watches by another configuration from now on: its `motion`, `clip` and masks. What is open ends first; a moment
   * goes unwatched, and is told as that.
   */
  reconfigure(config: AgentConfig): Promise<void>
  drained(timeoutMs: number): Promise<boolean>
}

const DAY_MS = 24 * 60 * 60_000

/**
 * Everything from camera to relay, in the order of the picture; disposed in reverse: a graceful stop.
 * @throws DEPENDENCY_MISSING without an ffmpeg, CONFIG_INVALID for damaged state, and node's file system errors
 */
export async function startRecorder(context: AgentContext, pairing: PairingState): Promise<Recorder> {
  const { config, parts, clock, log, random, failpoints, signer, disk } = context
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
  const room = () => roomOf(dataDir)
  const freeBytes = async (): Promise<number> => (await room()).freeBytes
  // Stages that tell each other of changes are joined here, when all of them exist.
  const wake = { upload: () => {}, link: () => {}, health: () => {}, date: () => {} }
  let makeRoom = (): Promise<void> => Promise.resolve()
  const startedMs = clock.monotonicMs()
  let camera: CameraState = 'starting'
  let cameraSinceMs: number | null = null
  const observers = new Set<AgentObserver>()
  const tell = (news: AgentNews): void => observers.forEach((observer) => observer(news))

  const clockSource = stack.use(
    await createClockSource({
      clock,
      run: createProgramRunner(clock),
      fallbackUncertaintyMs: config.clock?.uncertaintyMs ?? DEFAULTS.uncertaintyMs,
      // Whoever paired this device had about the right time.
      notBeforeMs: certificate.payload.iat * 1000 - DAY_MS,
      onSettled: () => wake.date(),
    }),
  )
  const checkpoints = stack.use(
    await createCheckpointKeeper({
      path: join(dataDir, 'keys', 'checkpoint'),
      logVkey: pairing.logVkey,
      fetchBytes: (path) => anyone.bytes('GET', path),
      clock,
      log,
      disk,
    }),
  )
  const follower = stack.use(
    createKeysetFollower({
      state: pairing,
      store: createPairingStore(join(dataDir, 'keys'), failpoints, disk),
      ...createRelayKeysets(relay),
      signer,
      clock,
      log,
    }),
  )

  const dayFile = await openDayFile(join(dataDir, 'events', 'day.json'), failpoints, disk)
  const stamp = () => ({ boot: identity.boot, monotonicMs: clock.monotonicMs(), clock: clockSource.statement() })
  const outbox = stack.use(
    await openDiskOutbox({
      path: join(dataDir, 'events', 'outbox.log'),
      stamp,
      maximumEvents: config.events?.maximum ?? DEFAULTS.maximumEvents,
      keepAfter: dayFile.keepAfter,
      makeRoom: () => makeRoom(),
      onOverflow: (count) => log.error({ count }, 'the event queue is full: the oldest go unsent'),
      onChange: () => wake.link(),
      failpoints,
      disk,
    }),
  )
  const keeper = createEventKeeper({ outbox, stamp, log, onChange: () => wake.link() })

  // Everything below writes; the watch knows what the disk refused, and when it takes it again.
  const storage = stack.use(
    createStorageWatch({
      disk,
      clock,
      log,
      record: (body) => keeper.record(body),
      mendEvents: keeper.mend,
      async mend() {
        await sealer.mend()
        await spool.mend()
      },
      onChange: () => wake.health(),
    }),
  )
  const spool = await openDiskSpool({
    directory: join(dataDir, 'spool'),
    maximumBytes: config.spool?.maximumBytes ?? DEFAULTS.maximumBytes,
    minimumFreeBytes:
      config.spool?.minimumFreeBytes ?? Math.min(DEFAULTS.minimumFreeBytes, (await room()).diskBytes / 8),
    freeBytes,
    onChange: () => wake.upload(),
    onDropped(clip, reason) {
      log.error({ clip, reason, dropped: spool.status().droppedClips }, 'a clip was given up')
      wake.health()
    },
    onFull: storage.setFull,
    failpoints,
    disk,
  })

  makeRoom = spool.makeRoom

  const sealer = createSealer({
    spool,
    identity,
    keys: () => follower.keys(),
    clock,
    clockStatement: (moment) => clockSource.about(moment),
    isClockAwaited: () => clockSource.isAwaited(),
    seen: () => checkpoints.seen(),
    software: SOFTWARE,
    async announce(clip) {
      if (clip.sequence <= outbox.mark) return
      const { event, items } = clip.payload.latchkey
      const bytes = clip.bodies.reduce((sum, body) => sum + body.sizeBytes, 0)
      const { clip: id, trigger, digest: manifest } = clip
      // Behind the motion or ring that began it.
      await storage.recorded()
      await outbox.append(
        { type: 'clip', event, clip: id, manifest, items, bytes, trigger, atMs: clock.nowMs() },
        clip.sequence,
      )
      log.info({ clip: id, items, bytes, trigger }, 'clip recorded')
      const { startMs, endMs } = clip.payload.latchkey
      tell({ kind: 'clip', clip: id, event, trigger, items, bytes, startMs, endMs, atMs: clock.nowMs() })
    },
  })
  const date = (): Promise<void> =>
    sealer.date().catch((error: unknown) => log.error({ code: codeOf(error) }, 'clips wait to be finished'))
  wake.date = () => void date()
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

  const retry = parts.retryBaseMs === undefined ? {} : { retryBaseMs: parts.retryBaseMs }
  const uploader = stack.use(
    createUploader({
      queue: tellingUploads(spool, (clip) => tell({ kind: 'uploaded', clip, atMs: clock.nowMs() })),
      days,
      relay: createRelayUploadClient(relay, { relay: pairing.relay, relayJwk: pairing.relayJwk, device: signer.urn }),
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
      outboxEvents: keeper.waiting,
      freeBytes: await freeBytes().catch(() => 0),
      droppedClips,
      uptimeMs: Math.round(clock.monotonicMs() - startedMs),
      storage: storage.state,
      writtenBytes: disk.writtenDayBytes(),
    }
  }
  const publisher = stack.use(
    createPublisher({
      outbox: keeper,
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

  const pusher = stack.use(await startPushes(context, { relay, device, household: () => follower.keyset() }))
  const drained = async (timeoutMs: number): Promise<boolean> => {
    await storage.recorded()
    const [uploaded, told] = await Promise.all([uploader.drained(timeoutMs), publisher.drained(timeoutMs)])
    return uploaded && told
  }

  let watch: WatchState | null = null
  function onState(state: CameraState, atMs: number): void {
    if (state !== camera) cameraSinceMs = atMs
    camera = state
    wake.health()
    const next = watchStateOf(state)
    if (next === null || next === watch) return
    watch = next
    log.info({ state }, 'camera')
    storage.record({ type: 'state', state: next, atMs })
    tell({ kind: 'watch', state: next, atMs })
  }

  /** The end of a graceful stop, before anything is closed: what is known is signed, and gets a moment to leave. */
  stack.defer(async () => {
    onState('stopped', clock.nowMs())
    await storage.recorded()
    await date()
    await days
      .sign()
      .catch((error: unknown) => log.error({ code: codeOf(error) }, 'the last day record could not be kept'))
    await drained(config.stopGraceMs ?? DEFAULTS.stopGraceMs)
  })

  const keeping = watchSink(sealer, clock, (jpeg) => tell({ kind: 'picture', jpeg }))
  const watching = stack.use(
    await startWatching(context, {
      sink: keeping,
      onState,
      onEvent(event) {
        storage.record({ type: event.trigger, event: event.event, atMs: event.atMs })
        pusher.tell(event)
        tell({ kind: 'door', event })
      },
      onFinding: (finding) => tell({ kind: 'finding', finding }),
    }),
  )
  const loopWatch = stack.use(createLoopWatch(clock))
  const whole = stack.move()
  return {
    captured: watching.done,
    ring: (atMs) => (follower.press(), watching.ring(atMs)),
    acceptKeyset: () => follower.accept(),
    status: () => ({
      camera,
      privacy: watching.isPrivate,
      spool: spool.status(),
      outboxEvents: keeper.waiting,
      connected: publisher.connected,
      storage: storage.state,
      writtenBytes: disk.writtenDayBytes(),
      ...viewOf(watching.capture),
      clock: clockSource.statement(),
    }),
    vitals: () =>
      judgeVitals({
        camera,
        newestFrameMs: watching.capture?.lastFrameMs ?? null,
        nowMs: clock.monotonicMs(),
        disk: storage.state,
        diskWaitingMs: disk.waitingMs(),
        clipWaitingMs: keeping.waitingMs(),
        loopLagMs: loopWatch.lagMs(),
      }),
    setPrivacy: (on) => watching.set(on),
    view: async () => ({
      state: camera,
      sinceMs: cameraSinceMs,
      picture: watching.picture,
      clock: clockSource.statement(),
      disk: await diskView(freeBytes, config),
      ffmpeg: watching.ffmpeg,
    }),
    still: watching.still,
    reconfigure: (next) => watching.reconfigure(next),
    observe(observer) {
      observers.add(observer)
      return () => observers.delete(observer)
    },
    drained,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
