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

/**
 * Everything that is scored: the recordings in `footage`, where there are any, and the scenes of `scenes/`, which are
 * made in `folder` unless they lie there already.
 */
export function loadPresenceFiles(folder: string, footage: string | undefined): PresenceFile[] {
  mkdirSync(folder, { recursive: true })
  const make = [projectFile('infra/bench/scenes/make-scenes.ts'), ...(footage ? ['--footage', footage] : [])]
  mustRun(process.execPath, [...make, '--out', folder])
  const names = mustRun(process.execPath, [...make, '--list'])
    .trim()
    .split('\n')
  const scenes = names.map((name): PresenceFile => {
    const path = join(folder, `${name}.mp4`)
    const { seconds, visits } = JSON.parse(readFileSync(`${path}.json`, 'utf8')) as SceneTruth
    const group = name.includes('gop') ? 'composite' : 'drawn'
    return { name, group, path, truth: { fromS: 0, seconds, visits } }
  })
  return [...(footage ? footageFiles(footage) : []), ...scenes]
}
