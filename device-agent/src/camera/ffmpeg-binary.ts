import { access, constants } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { delimiter, isAbsolute, join, resolve } from 'node:path'
import { LatchkeyError } from '@latchkey/shared'
import type { Clock } from '../kernel/clock.ts'
import { runChild } from '../kernel/child-process.ts'

/** An ffmpeg that was run once and answered. */
export interface FfmpegBinary {
  /** Absolute path. */
  readonly path: string
  /** Release, e.g. 5 and 1; builds from git count as the release of their libavformat. */
  readonly major: number
  readonly minor: number
}

/** Where to look for ffmpeg. */
export interface FfmpegSearch {
  /** The operator's choice (`LATCHKEY_FFMPEG`); when given, nothing else is tried. */
  readonly configuredPath?: string | undefined
  /** The value of `PATH`. */
  readonly searchPath: string
  readonly clock: Clock
}

const INSTALL_HINT = 'install it with: sudo apt-get install -y ffmpeg'
/** libavformat 58 came with ffmpeg 4, 59 with 5 and so on. */
const AVFORMAT_MAJOR_OFFSET = 54

async function isExecutable(path: string): Promise<boolean> {
  return access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
}

/** The path the optional package names, whether or not its download took place. */
function staticPath(): string | undefined {
  try {
    const path: unknown = createRequire(import.meta.url)('ffmpeg-static')
    return typeof path === 'string' ? path : undefined
  } catch {
    return undefined
  }
}

/**
 * The release out of `ffmpeg -version`; `undefined` when the text is not ffmpeg's.
 * Untrusted: `text`.
 */
export function parseFfmpegVersion(text: string): { major: number; minor: number } | undefined {
  const release = /^ffmpeg version n?(\d{1,3})\.(\d{1,3})/.exec(text)
  if (release) return { major: Number(release[1]), minor: Number(release[2]) }
  const library = /^libavformat +(\d{1,3})\. *\d+/m.exec(text)
  if (!text.startsWith('ffmpeg version ') || !library) return undefined
  return { major: Number(library[1]) - AVFORMAT_MAJOR_OFFSET, minor: 0 }
}

async function probe(path: string, clock: Clock): Promise<FfmpegBinary | undefined> {
  if (!(await isExecutable(path))) return undefined
  // A binary of another architecture or with a missing library exists and does not run.
  const result = await runChild({
    command: path,
    args: ['-version'],
    clock,
    maxOutputBytes: 65_536,
    timeoutMs: 10_000,
  }).catch(() => undefined)
  const version = result && parseFfmpegVersion(new TextDecoder().decode(result.stdout))
  return version && { path, ...version }
}

function* candidates({ configuredPath, searchPath }: FfmpegSearch): Generator<string> {
  if (configuredPath !== undefined) {
    yield resolve(configuredPath)
    return
  }
  for (const folder of searchPath.split(delimiter)) if (isAbsolute(folder)) yield join(folder, 'ffmpeg')
  const bundled = staticPath()
  if (bundled !== undefined) yield bundled
}

/**
 * Finds an ffmpeg that runs: the configured one, else on `searchPath`, else the `ffmpeg-static` package if its
 * download is there.
 * @throws DEPENDENCY_MISSING with the command that installs it
 */
export async function loadFfmpeg(search: FfmpegSearch): Promise<FfmpegBinary> {
  for (const path of candidates(search)) {
    const found = await probe(path, search.clock)
    if (found) return found
  }
  const where = search.configuredPath === undefined ? 'on PATH' : 'at the configured path'
  throw new LatchkeyError('DEPENDENCY_MISSING', `no ffmpeg that runs ${where}; ${INSTALL_HINT}`)
}
