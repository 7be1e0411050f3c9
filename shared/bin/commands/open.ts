import { join } from 'node:path'
import { createReadStream } from 'node:fs'
import { createHash } from 'node:crypto'
import { PROOF_FILES } from '../../src/verify/bundle-paths.ts'
import { type EvidenceFile, type OriginalFile, planOriginals, renderOpened } from '../../src/verify/opened.ts'
import type { Verdict } from '../../src/verify/verify-bundle.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { failuresOfVerdict, loadVerdict } from '../bundle-verdict.ts'
import { type Command, PASSED, type World } from '../command.ts'
import { createOutputFolder, type OutputFolder } from '../disk-files.ts'
import type { Failure } from '../failure.ts'
import { findFfmpeg, writeWorkingCopy } from '../ffmpeg-process.ts'

/** Without a trust file exactly this is not known; everything else still has to hold. */
const isAboutTrust = ({ code, file }: Failure) => code === 'AGENCY_UNKNOWN' && file === PROOF_FILES.investigator

async function hashFile(path: string): Promise<{ sizeBytes: number; sha256: string }> {
  const hash = createHash('sha256')
  let sizeBytes = 0
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    hash.update(chunk)
    sizeBytes += chunk.length
  }
  return { sizeBytes, sha256: hash.digest('hex') }
}

/** The released sound of the same moments, if any: it counts from the same zero. */
function soundOf(video: OriginalFile, originals: readonly OriginalFile[]): OriginalFile | undefined {
  const isBeside = ({ startMs, endMs }: OriginalFile) => startMs === video.startMs && endMs === video.endMs
  return originals.find((file) => file.mediaType === 'audio/mp4' && isBeside(file))
}

/** Remuxes one original for players, with its sound; `null`, and a word about it, when that fails: the evidence is the original. */
async function copyForPlayers(
  folder: OutputFolder,
  tracks: readonly [OriginalFile, ...OriginalFile[]],
  ffmpeg: string,
  world: World,
) {
  const [original] = tracks
  const path = original.path.replace('original', 'working-copy')
  const target = join(folder.temporary, path)
  try {
    const paths = tracks.map((track) => join(folder.temporary, track.path))
    await writeWorkingCopy(ffmpeg, paths, target)
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    world.terminal.note(`no working copy of ${original.path}: ${error.message}`)
    return null
  }
  const { startMs, endMs, mediaType } = original
  const derivedFrom = tracks.map(({ sha256 }) => sha256).join(' and ')
  const file: EvidenceFile = {
    ...{ path, mediaType, startMs, endMs, derivedFrom },
    ...(await hashFile(target)),
    rendition: 'working-copy',
  }
  return file
}

async function writeCopies(folder: OutputFolder, originals: readonly OriginalFile[], world: World) {
  const videos = originals.filter(({ mediaType }) => mediaType === 'video/mp4')
  const ffmpeg = findFfmpeg(world)
  if (ffmpeg === undefined) {
    world.terminal.note('no working copy was made: ffmpeg is not on PATH (the original plays in most players)')
    return []
  }
  const copies: EvidenceFile[] = []
  for (const video of videos) {
    const sound = soundOf(video, originals)
    const copy = await copyForPlayers(folder, sound ? [video, sound] : [video], ffmpeg, world)
    if (copy) copies.push(copy)
  }
  return copies
}

async function writeOpened(out: string, { facts, opened, ownerDetails }: Verdict, world: World): Promise<void> {
  if (facts === null || opened === null) throw new LatchkeyError('INTERNAL', 'a verdict without items passed')
  await using folder = await createOutputFolder(out)
  const originals = planOriginals(opened)
  for (const { path, chunks } of originals) await folder.write(path, Buffer.concat(chunks))
  const files = [...originals, ...(await writeCopies(folder, originals, world))]
  const note = { openedSeconds: Math.floor(world.nowMs() / 1000), tool: world.software }
  for (const [path, text] of renderOpened(facts, { opened, files, ownerDetails }, note)) await folder.write(path, text)
  await folder.finish()
  world.terminal.print(
    [
      `${out}: ${opened.length} items`,
      ...files.map((file) => `  ${file.path}  ${file.sha256}`),
      ...(ownerDetails ? ['  owner-details.json  what the owner told about themselves; nobody checked it'] : []),
    ].join('\n'),
  )
}

/** `latchkey open` */
export const open: Command = {
  name: 'open',
  summary: 'Verifies a bundle, opens every item, and only then writes a folder for filing.',
  operands: ['BUNDLE'],
  options: {
    key: { value: 'F', required: true, help: 'requester.key: an age identity file' },
    trust: { value: 'F', help: 'trust file; without one nobody vouches for the agency, the relay and the log' },
    out: { value: 'DIR', required: true, help: 'new folder for the plaintext' },
  },
  notes: [
    'DIR gets original.mp4 (the camera’s coded frames bit for bit, one file per contiguous run), working-copy.mp4 (repackaged',
    'for players, when ffmpeg is there), item-keys.json, import.csv, certification-draft.txt, owner-details.json (where the',
    'owner told something about themselves) and SHA256SUMS.',
  ],
  run: async (given, world) => {
    const [bundle, trust] = [given.operand(0), given.optional('trust')]
    const verdict = await loadVerdict({ bundle, trust, key: given.text('key') }, world)
    const found = failuresOfVerdict(verdict, bundle)
    const failures = trust === undefined ? found.filter((failure) => !isAboutTrust(failure)) : found
    if (failures.length > 0) return failures
    await writeOpened(given.text('out'), verdict, world)
    if (trust === undefined)
      world.terminal.note('warning: nobody vouched for the agency, the relay or the log; verify it with --trust')
    return PASSED
  },
}
