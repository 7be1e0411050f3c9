import { stat } from 'node:fs/promises'
import { encodeBase64url } from '../../src/bytes/base64url.ts'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { canonicalBytes } from '../../src/bytes/canonical-json.ts'
import { randomBytes } from '../../src/crypto/hash.ts'
import { checkKeysetForm } from '../../src/household/keyset-chain.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { type Fmp4Piece, readFmp4Pieces } from '../../src/media/fmp4-fragments.ts'
import type { ClockStatement } from '../../src/wire/clip.ts'
import { keyset } from '../../src/wire/keyset.ts'
import type { Arguments } from '../arguments.ts'
import { type ClipWriter, createClipWriter, type Recording } from '../clip-writer.ts'
import { type Command, PASSED, type World } from '../command.ts'
import { createDeviceFolder, loadDevice, recordManifest } from '../device-folder.ts'
import { exists } from '../disk-files.ts'
import { assertNone, inFile } from '../failure.ts'
import { copyVideo, makePoster, requireFfmpeg } from '../ffmpeg-process.ts'
import { loadOwner, loadSigned } from '../household-folder.ts'
import { parseCount, parseTime } from '../value-syntax.ts'

/** A clip is at most this long; a longer recording becomes several of one event. @see spec/sealed-items.md */
const MAX_CLIP_MS = 60_000
/** What we say of the clock where a person gave the start, and where only the file's own time is known. */
const GIVEN_UNCERTAINTY_SECONDS = 60
const FILE_UNCERTAINTY_SECONDS = 86_400

type Media = Extract<Fmp4Piece, { kind: 'media' }>

/** One run of `seal`. */
interface Job {
  readonly video: string
  readonly out: string
  readonly devicePath: string
  readonly camera: string
  readonly ffmpeg: string
  readonly recording: Recording
  readonly world: World
}

async function startOf(given: Arguments, video: string): Promise<{ startMs: number; clock: ClockStatement }> {
  const start = given.optional('start')
  const seconds = start === undefined ? FILE_UNCERTAINTY_SECONDS : GIVEN_UNCERTAINTY_SECONDS
  const uncertaintyMs = parseCount(given.optional('uncertainty') ?? String(seconds), '--uncertainty') * 1000
  const file = await stat(video).catch(() => null)
  await inFile(video, () => {
    if (!file?.isFile()) throw new LatchkeyError('USAGE', 'there is no such file')
  })
  const startMs = start === undefined ? Math.floor(file!.mtimeMs) : parseTime(start)
  return { startMs, clock: { source: 'none', offsetMs: 0, uncertaintyMs, checkedMs: 0 } }
}

async function recordingOf(given: Arguments, video: string, world: World): Promise<Recording> {
  const path = given.text('keyset')
  const signed = await loadSigned(keyset, path)
  await inFile(path, () => assertNone(checkKeysetForm(signed.payload)))
  const [event, boot] = [randomBytes(16), randomBytes(16)].map(encodeBase64url) as [string, string]
  const { software, nowMs } = world
  return { keyset: signed, event, boot, ...(await startOf(given, video)), software, nowMs }
}

/** Groups pieces into clips; a piece that would make a clip too long starts the next one. */
async function* clipsOf(pieces: AsyncGenerator<Fmp4Piece>): AsyncGenerator<AsyncGenerator<Media>> {
  let pending = await pieces.next()
  async function* oneClip(): AsyncGenerator<Media> {
    let startMs: number | undefined
    for (; !pending.done; pending = await pieces.next()) {
      const piece = pending.value as Media
      startMs ??= piece.startMs
      const endMs = piece.startMs + piece.durationMs
      if (piece.durationMs > MAX_CLIP_MS)
        throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the video goes over 60 s without a keyframe')
      if (endMs - startMs > MAX_CLIP_MS) return
      yield piece
    }
  }
  while (!pending.done) yield oneClip()
}

async function sealMedia(clip: ClipWriter, media: AsyncGenerator<Media>, job: Job, init: Uint8Array): Promise<void> {
  const { recording, ffmpeg, world } = job
  let poster: Uint8Array | undefined
  let firstMs: number | undefined
  for await (const { bytes, startMs, durationMs } of media) {
    const atMs = recording.startMs + startMs
    if (firstMs === undefined) {
      firstMs = atMs
      await clip.add({ kind: 'init', startMs: atMs, durationMs: 0, bytes: init })
      poster = await makePoster(ffmpeg, concatBytes(init, bytes))
    }
    await clip.add({ kind: 'media', startMs: atMs, durationMs, bytes })
    world.terminal.progress(`sealed ${((startMs + durationMs) / 1000).toFixed(1)} s of video`)
  }
  if (poster) await clip.add({ kind: 'poster', startMs: firstMs!, durationMs: 0, bytes: poster })
  const meta = canonicalBytes({ v: 1, camera: job.camera, trigger: 'file', zones: [], boxes: [] })
  await clip.add({ kind: 'meta', startMs: firstMs!, durationMs: 0, bytes: meta })
}

async function sealClip(number: number, media: AsyncGenerator<Media>, job: Job, init: Uint8Array): Promise<void> {
  const path = number === 1 ? job.out : `${job.out}-${number}`
  await using clip = await createClipWriter(path, job.recording)
  await sealMedia(clip, media, job, init)
  const device = await loadDevice(job.devicePath, job.recording.keyset)
  const manifest = await clip.sign(device)
  await recordManifest(job.devicePath, manifest.payload.latchkey.sequence, manifest.raw)
  await clip.finish()
  const { clip: id, startMs, endMs, items } = manifest.payload.latchkey
  const span = `${new Date(startMs).toISOString()} to ${new Date(endMs).toISOString()}`
  job.world.terminal.print(`${path} clip ${id}: ${items} items, ${span}`)
}

async function sealVideo(job: Job): Promise<void> {
  const pieces = readFmp4Pieces(copyVideo(job.ffmpeg, job.video))
  const first = await pieces.next()
  if (first.done || first.value.kind !== 'init')
    throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the file holds no video')
  let number = 0
  for await (const media of clipsOf(pieces)) await sealClip(++number, media, job, first.value.bytes)
  if (number === 0) throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the file holds no pictures')
}

/** `latchkey seal` */
export const seal: Command = {
  name: 'seal',
  summary: 'Turns a video file into a sealed clip, nothing re-encoded, no plaintext written.',
  operands: ['VIDEO'],
  options: {
    keyset: { value: 'F', required: true, help: 'the household’s keyset.jws: whom to seal to' },
    device: { value: 'DIR', required: true, help: 'folder made by keygen device' },
    owner: { value: 'DIR', help: 'makes and certifies the device folder when it is not there yet' },
    start: { value: 'TIME', help: 'when the recording began (default: the file’s modification time)' },
    uncertainty: { value: 'SECONDS', help: 'how wrong that may be (default: 60 with --start, else 86400)' },
    camera: { value: 'NAME', help: 'the camera’s name, sealed inside the meta item (default: file)' },
    out: { value: 'DIR', required: true, help: 'new folder for the clip' },
  },
  notes: ['A recording over 60 s becomes several clips of one event: DIR, DIR-2, DIR-3, …'],
  run: async (given, world) => {
    const [video, devicePath] = [given.operand(0), given.text('device')]
    const recording = await recordingOf(given, video, world)
    const owner = given.optional('owner')
    if (owner !== undefined && !(await exists(devicePath)))
      await createDeviceFolder(devicePath, await loadOwner(owner), world.nowMs())
    await loadDevice(devicePath, recording.keyset)
    const [out, camera, ffmpeg] = [given.text('out'), given.optional('camera') ?? 'file', requireFfmpeg(world)]
    await inFile(video, () => sealVideo({ video, out, devicePath, camera, ffmpeg, recording, world }))
    return PASSED
  },
}
