import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { mustRun, projectFile } from './programs.ts'
import type { PresenceTruth } from './presence-score.ts'
import type { SceneTruth } from './scenes/scene.ts'

/** A labelled video. */
export interface PresenceFile {
  readonly name: string
  readonly group: 'footage' | 'composite' | 'drawn'
  readonly path: string
  readonly truth: PresenceTruth
}

/** Composites for tuning are cut from what lies before. */
const TUNING_UNTIL_S: Readonly<Record<string, number>> = { 'intel-one-by-one-person-detection.mp4': 48 }

/** What every composite's name holds, and no drawn scene's. */
const COMPOSITE = 'gop'

function secondsOf(path: string): number {
  const ask = ['-v', 'error', '-show_entries', 'format=duration', '-of', 'csv=p=0', path]
  return Number(mustRun('ffprobe', ask))
}

function footageFiles(folder: string): PresenceFile[] {
  const labels = JSON.parse(readFileSync(join(folder, 'ground-truth.json'), 'utf8')) as Record<
    string,
    { readonly events?: readonly (readonly [number, number])[] }
  >
  return Object.entries(labels).flatMap(([name, { events }]) => {
    const path = join(folder, name)
    if (events === undefined || !existsSync(path)) return []
    const visits = events.map(([fromS, toS]) => ({ fromS, toS }))
    return [
      { name, group: 'footage', path, truth: { fromS: TUNING_UNTIL_S[name] ?? 0, seconds: secondsOf(path), visits } },
    ]
  })
}

/** Where the recordings lie: as told, or beside the project, or nowhere. */
export function footageFolder(told: string | undefined): string | undefined {
  const beside = projectFile('../shared/footage')
  return told ?? (existsSync(join(beside, 'ground-truth.json')) ? beside : undefined)
}

/** The scenes of `scenes/`, made in `folder` unless they lie there already. */
function loadScenes(folder: string, footage: string | undefined, only: readonly string[] = []): PresenceFile[] {
  mkdirSync(folder, { recursive: true })
  const make = [projectFile('infra/bench/scenes/make-scenes.ts'), ...(footage ? ['--footage', footage] : []), ...only]
  mustRun(process.execPath, [...make, '--out', folder])
  const names = mustRun(process.execPath, [...make, '--list'])
    .trim()
    .split('\n')
  return names.map((name): PresenceFile => {
    const path = join(folder, `${name}.mp4`)
    const { seconds, visits } = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as SceneTruth
    const group = name.includes(COMPOSITE) ? 'composite' : 'drawn'
    return { name, group, path, truth: { fromS: 0, seconds, visits } }
  })
}

/** Everything that is scored: the recordings in `footage`, where there are any, and all scenes. */
export function loadPresenceFiles(folder: string, footage: string | undefined): PresenceFile[] {
  const scenes = loadScenes(folder, footage)
  return [...(footage ? footageFiles(footage) : []), ...scenes]
}

/** The composites alone. @throws where there are no recordings to cut them from */
export function loadCompositeFiles(folder: string, footage: string | undefined): PresenceFile[] {
  if (footage === undefined) throw new Error('composites are cut from recordings: say where they lie with --footage')
  return loadScenes(folder, footage, ['--only', COMPOSITE])
}
