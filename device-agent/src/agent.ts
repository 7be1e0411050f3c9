import { codeOf, LatchkeyError } from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { join } from 'node:path'
import type { AgentContext, AgentParts } from './agent-context.ts'
import { createAgentDesk, type PairingView } from './agent-desk.ts'
import { assertCameraSource, type CameraSource, parseCameraSource } from './camera/source.ts'
import { type AgentConfig, loadCameraAddress, loadSubstreamAddress } from './config.ts'
import { controlSocketPath } from './control-socket.ts'
import { startControlServer } from './control/unix-control-server.ts'
import { createDoorbell, type DoorbellStatus } from './doorbell.ts'
import type { DoorEvent } from './flow.ts'
import { createDirectory, removeTemporaries } from './kernel/atomic-file.ts'
import { randomFraction } from './kernel/backoff.ts'
import { systemClock } from './kernel/clock.ts'
import { openDataDisk } from './kernel/data-disk.ts'
import { noFailpoints } from './kernel/failpoint.ts'
import { lockDirectory } from './kernel/instance-lock.ts'
import { createLog } from './kernel/log.ts'
import { loadDeviceKey } from './keys/device-key.ts'
import { type PairingDisplay, runPairing } from './keys/pairing.ts'
import { createPairingStore, type PairingState } from './keys/pairing-state.ts'
import { createRelayPairingClient } from './keys/relay-pairing-client.ts'
import { type Recorder, startRecorder } from './recorder.ts'
import type { RecorderStatus } from './recorder-view.ts'

/** The agent at this moment. */
export interface AgentStatus extends RecorderStatus, DoorbellStatus {
  readonly pairing: PairingView
}

/** A running agent; disposing it is a graceful stop: what was recorded is closed, kept, and as far as possible sent. */
export interface Agent extends AsyncDisposable {
  /** Resolves when the device is paired and watches; rejects when it cannot, with the reason's code. */
  readonly ready: Promise<void>
  /** Resolves when the source has ended (files do) and the spool has all of it; rejects when the source cannot be used. */
  readonly captured: Promise<void>
  /** The simulated button. Null when it bounced. Unpaired, a ring is heard in the house and recorded nowhere. */
  ring(): DoorEvent | null
  status(): AgentStatus
  /** It does not do its work and does not know it: what a watchdog may start it anew for. */
  isStuck(): boolean
  /** See `Recorder.setPrivacy`. @throws UNAVAILABLE before the device is paired */
  setPrivacy(on: boolean): Promise<void>
  /** Reads the configuration again and applies its `motion`, `clip` and masks. @throws as `ControlDesk.reload` */
  reload(): Promise<void>
  /** Resolves true when everything recorded so far is uploaded and acknowledged, false when `timeoutMs` passed first. */
  drained(timeoutMs: number): Promise<boolean>
}

/** A source that lets us choose, with what the operator chose. */
function withChosenPicture(source: CameraSource, camera: AgentConfig['camera']): CameraSource {
  if (source.kind !== 'v4l2' && source.kind !== 'rpicam') return source
  const { width = source.width, height = source.height, framesPerSecond = source.framesPerSecond } = camera
  return { ...source, width, height, framesPerSecond }
}

async function loadSources(config: AgentConfig): Promise<Pick<AgentContext, 'source' | 'substream'>> {
  const { loop = false, rate = 1 } = config.camera
  const withPace = (source: CameraSource, pace: number): CameraSource =>
    source.kind === 'file' ? { ...source, loop, rate: pace } : withChosenPicture(source, config.camera)
  const source = withPace(parseCameraSource(await loadCameraAddress(config)), rate)
  const substreamAddress = await loadSubstreamAddress(config)
  const substream = substreamAddress === undefined ? undefined : withPace(parseCameraSource(substreamAddress), 1)
  for (const one of [source, substream]) if (one !== undefined) assertCameraSource(one)
  return { source, substream }
}

/**
 * Starts an agent: pairs it if it is not, then watches, records, seals, keeps and uploads until it is disposed. An
 * unpaired agent records nothing.
 * @throws CONFIG_INVALID | CONFLICT when the configuration, the keys or the data directory cannot be used
 */
export async function createAgent(config: AgentConfig, parts: AgentParts = {}): Promise<Agent> {
  const { clock = systemClock, failpoints = noFailpoints, random = randomFraction } = parts
  const log = parts.log ?? createLog({ level: config.log?.level ?? 'info', format: config.log?.format ?? 'lines' })
  const sources = await loadSources(config)
  for (const room of ['keys', 'events', 'spool']) await createDirectory(join(config.dataDir, room))
  await using stack = new AsyncDisposableStack()
  stack.use(await lockDirectory(config.dataDir))
  for (const room of ['keys', 'events']) await removeTemporaries(join(config.dataDir, room))
  const keysDirectory = join(config.dataDir, 'keys')
  const signer = await loadDeviceKey(join(keysDirectory, 'device.key'), failpoints)
  const { dataDir: directory, ownDisk = false } = config
  const disk = stack.use(await openDataDisk({ directory, device: signer.thumbprint, ownDisk, clock }))
  const store = createPairingStore(keysDirectory, failpoints, disk)
  const known = await store.load()
  const context: AgentContext = { config, parts, clock, log, random, failpoints, signer, disk, ...sources }
  const stop = new AbortController()
  let pairing: PairingView = { kind: 'unpaired', url: null, untilMs: null }
  let recorder: Recorder | null = null
  const doorbell = stack.use(createDoorbell({ config, signer, clock, log, random }))

  const display: PairingDisplay = {
    onCode(url, untilMs) {
      pairing = { kind: 'unpaired', url, untilMs }
      log.warn('not paired: nothing is recorded')
      parts.display?.onCode?.(url, untilMs)
    },
    onPaired(digits) {
      pairing = { kind: 'paired', device: signer.thumbprint, digits }
      log.info('paired')
      parts.display?.onPaired?.(digits)
    },
    onWrongAnswer(left) {
      log.error({ left }, 'somebody without the code answered: the code is void')
      parts.display?.onWrongAnswer?.(left)
    },
    onPause(reason) {
      log.warn({ reason }, 'not paired: nothing is recorded')
      parts.display?.onPause?.(reason)
    },
  }

  async function pair(): Promise<PairingState> {
    const { origin, pageOrigin, logVkey } = config.relay
    const state = await runPairing({
      relay: createRelayPairingClient(createRelayClient({ origin, nowMs: () => clock.nowMs() })),
      relayOrigin: origin,
      pageOrigin: pageOrigin ?? origin,
      logVkey: logVkey ?? null,
      signer,
      store,
      clock,
      random,
      display,
      signal: stop.signal,
      ...(parts.pairingPollMs === undefined ? {} : { pollMs: parts.pairingPollMs }),
    })
    if (state === null) throw new LatchkeyError('UNAVAILABLE', 'stopped before the device was paired')
    return state
  }

  const desk = createAgentDesk({
    config,
    clock,
    pairing: () => pairing,
    recorder: () => recorder,
    ring: () => doorbell.press(),
    loadConfig: parts.loadConfig,
  })
  try {
    stack.use(await startControlServer({ path: controlSocketPath(config), desk }))
  } catch (error) {
    // Whoever cannot be asked can still record.
    const message = error instanceof LatchkeyError ? error.message : 'the socket cannot be made'
    log.error({ code: codeOf(error), reason: message }, 'status, walk-test and page cannot ask this agent')
  }

  async function start(): Promise<Recorder> {
    const state = known ?? (await pair())
    if (known) pairing = { kind: 'paired', device: signer.thumbprint, digits: null }
    if (state.relay !== config.relay.origin)
      throw new LatchkeyError('CONFIG_INVALID', 'relay.origin is not the relay this device was paired with')
    const started = await startRecorder(context, state)
    doorbell.attach(started)
    started.observe(desk.hear)
    recorder = started
    return started
  }

  const started = start()
  const ready = started.then(() => {})
  const captured = started.then((running) => running.captured)
  // Whoever does not ask is not punished: both are also told by `log` and `status`.
  ready.catch(() => {})
  captured.catch(() => {})
  stack.defer(async () => {
    stop.abort()
    doorbell.attach(null)
    await (await started.catch(() => null))?.[Symbol.asyncDispose]()
  })
  const whole = stack.move()
  return {
    ready,
    captured,
    ring: () => doorbell.press(),
    status: () => ({
      pairing,
      ...doorbell.status(),
      ...(recorder?.status() ?? {
        camera: 'starting',
        privacy: false,
        spool: { clips: 0, items: 0, bytes: 0, droppedClips: 0 },
        outboxEvents: 0,
        connected: false,
        storage: disk.state,
        writtenBytes: disk.writtenDayBytes(),
        stream: null,
        trouble: null,
        detection: null,
        clock: null,
      }),
    }),
    async setPrivacy(on) {
      if (recorder === null)
        throw new LatchkeyError('UNAVAILABLE', 'the device is not paired yet: it records nothing, pair it first')
      await recorder.setPrivacy(on)
    },
    isStuck: () => recorder?.vitals().stuck ?? false,
    reload: () => desk.reload(),
    drained: async (timeoutMs) => (await recorder?.drained(timeoutMs)) ?? false,
    [Symbol.asyncDispose]: () => whole.disposeAsync(),
  }
}
