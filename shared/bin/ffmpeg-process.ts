import { spawn } from 'node:child_process'
import { accessSync, constants } from 'node:fs'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { LatchkeyError } from '../src/errors.ts'
import type { World } from './command.ts'
import { whileUnfinished } from './unfinished.ts'

/** A fixed environment: ours may hold secrets, and ffmpeg must not behave by the shell that started us. */
const CHILD_ENVIRONMENT = { PATH: '/usr/local/bin:/usr/bin:/bin', LC_ALL: 'C' }
const STDERR_TAIL_BYTES = 2048
const MAX_POSTER_BYTES = 4 * 1024 * 1024
/** Pieces of the recording: whole groups of pictures until two seconds are full. @see spec/sealed-items.md */
const MIN_FRAGMENT_MICROSECONDS = 2_000_000
const QUIET = ['-nostdin', '-v', 'error']

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK)
    return true
  } catch {
    return false
  }
}

/** Path of the ffmpeg to use: the configured one, or the first on `PATH`; `undefined` when there is none. */
export function findFfmpeg({ ffmpegPath, searchPath }: World): string | undefined {
  if (ffmpegPath !== undefined) return resolve(ffmpegPath)
  const folders = searchPath.split(delimiter).filter(isAbsolute)
  return folders.map((folder) => join(folder, 'ffmpeg')).find(isExecutable)
}

/** {@link findFfmpeg} or DEPENDENCY_MISSING with the command that installs it. */
export function requireFfmpeg(world: World): string {
  const path = findFfmpeg(world)
  if (path === undefined)
    throw new LatchkeyError('DEPENDENCY_MISSING', 'ffmpeg is not on PATH: sudo apt-get install -y ffmpeg')
  return path
}

interface RunningFfmpeg extends Disposable {
  readonly stdout: AsyncIterable<Uint8Array>
  /** @throws DEPENDENCY_MISSING when it did not start; SOURCE_UNSUPPORTED when it ended with an error */
  finished(): Promise<void>
}

function startFfmpeg(path: string, args: readonly string[], input?: Uint8Array): RunningFfmpeg {
  const child = spawn(path, [...QUIET, ...args], { env: CHILD_ENVIRONMENT, stdio: ['pipe', 'pipe', 'pipe'] })
  const ended = whileUnfinished(() => child.kill('SIGKILL'))
  let tail = Buffer.alloc(0)
  child.stderr.on('data', (chunk: Buffer) => {
    tail = Buffer.concat([tail, chunk]).subarray(-STDERR_TAIL_BYTES)
  })
  // A reader that needed only the first picture leaves early; the exit status tells the story.
  child.stdin.on('error', () => {})
  child.stdin.end(input)
  const exited = new Promise<number | null>((done) => {
    child.once('close', (code) => done(code))
    child.once('error', () => done(null))
  })
  return {
    stdout: child.stdout,
    finished: async () => {
      const code = await exited
      if (code === null && child.pid === undefined)
        throw new LatchkeyError('DEPENDENCY_MISSING', `cannot start ffmpeg at ${path}`)
      if (code !== 0) throw new LatchkeyError('SOURCE_UNSUPPORTED', `ffmpeg failed: ${lastLine(tail.toString('utf8'))}`)
    },
    [Symbol.dispose]: () => {
      child.kill('SIGKILL')
      ended()
    },
  }
}

const lastLine = (text: string) => text.trim().split('\n').at(-1) || 'no reason given'

/**
 * The first video stream of a file as fragmented MP4, coded frames unchanged; no metadata of the container comes along.
 * @throws DEPENDENCY_MISSING | SOURCE_UNSUPPORTED
 */
export async function* copyVideo(ffmpeg: string, video: string): AsyncGenerator<Uint8Array> {
  using run = startFfmpeg(ffmpeg, [
    ...['-protocol_whitelist', 'file', '-i', `file:${resolve(video)}`],
    ...['-map', '0:V:0', '-c', 'copy', '-map_metadata', '-1', '-f', 'mp4'],
    ...['-movflags', 'frag_keyframe+empty_moov+default_base_moof'],
    ...['-min_frag_duration', String(MIN_FRAGMENT_MICROSECONDS), 'pipe:1'],
  ])
  yield* run.stdout
  await run.finished()
}

/** A JPEG of the first picture of `init ‖ media`, made in memory; `undefined` when that fails, which must not cost the clip. */
export async function makePoster(ffmpeg: string, initAndMedia: Uint8Array): Promise<Uint8Array | undefined> {
  using run = startFfmpeg(
    ffmpeg,
    ['-f', 'mp4', '-i', 'pipe:0', '-frames:v', '1', '-q:v', '4', '-f', 'mjpeg', 'pipe:1'],
    initAndMedia,
  )
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of run.stdout) {
    sizeBytes += chunk.length
    if (sizeBytes > MAX_POSTER_BYTES) return undefined
    chunks.push(chunk)
  }
  try {
    await run.finished()
  } catch {
    return undefined
  }
  return sizeBytes > 0 ? new Uint8Array(Buffer.concat(chunks)) : undefined
}

/** Remuxes for players, nothing re-encoded: pictures, and sound beside them. @throws DEPENDENCY_MISSING | SOURCE_UNSUPPORTED */
export async function writeWorkingCopy(ffmpeg: string, originals: readonly string[], copy: string): Promise<void> {
  // Both count from one zero; each on its own would be moved to the start, and the sound would run ahead.
  const together = originals.length > 1 ? ['-copyts', '-avoid_negative_ts', 'make_zero'] : []
  using run = startFfmpeg(ffmpeg, [
    ...together.slice(0, 1),
    ...originals.flatMap((path) => ['-protocol_whitelist', 'file', '-i', `file:${resolve(path)}`]),
    ...originals.flatMap((_, i) => ['-map', `${i}:0`]),
    ...together.slice(1),
    ...['-c', 'copy', '-movflags', '+faststart', '-f', 'mp4', `file:${resolve(copy)}`],
  ])
  await run.finished()
}
