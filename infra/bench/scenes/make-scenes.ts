/** Writes the labelled videos that motion detection and decoding are measured on: `node infra/bench/scenes/make-scenes.ts --help`. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { COMPOSITES, createCompositeOf, loadVisitFootage, TUNING_COMPOSITES } from './composite-suite.ts'
import { DRAWN_CODING, drawnScenes, SCORED_SEEDS, TUNING_SEEDS } from './drawn-suite.ts'
import { type Coding, encodeScene } from './ffmpeg-scene-encoder.ts'
import { frameCount, type Scene } from './scene.ts'

const HELP = `node infra/bench/scenes/make-scenes.ts --out DIR [--footage DIR] [--only TEXT] [--tuning] [--list]

Writes each scene as NAME.mp4 with its truth in NAME.mp4.json. What is there already is kept.

  --footage DIR  recordings with a ground-truth.json: composites are cut from them; without it only drawn scenes
  --only TEXT    names that hold TEXT
  --tuning       the scenes for adjusting a detector instead of those for measuring it
  --list         only the names
`

/** A video that can be made. */
interface Recipe {
  readonly name: string
  readonly coding: Coding
  make(): Scene | Promise<Scene>
}

function recipes(isTuning: boolean, footageFolder: string | undefined): Recipe[] {
  const drawn = drawnScenes(isTuning ? TUNING_SEEDS : SCORED_SEEDS).map((scene) => ({
    name: scene.name,
    coding: DRAWN_CODING,
    make: () => scene,
  }))
  if (footageFolder === undefined) return drawn
  const footage = loadVisitFootage(footageFolder)
  const composites = (isTuning ? TUNING_COMPOSITES : COMPOSITES).map((entry) => ({
    name: entry.scene.name,
    coding: entry.coding,
    make: () => createCompositeOf(footage, entry),
  }))
  return [...composites, ...drawn]
}

async function make({ name, coding, make: build }: Recipe, folder: string): Promise<void> {
  const path = join(folder, `${name}.mp4`)
  if (existsSync(path)) return
  const scene = await build()
  process.stderr.write(`${path}: ${frameCount(scene)} pictures of ${scene.width}×${scene.height}…\n`)
  await encodeScene(scene, coding, path)
}

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      out: { type: 'string' },
      footage: { type: 'string' },
      only: { type: 'string', default: '' },
      tuning: { type: 'boolean', default: false },
      list: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help || (values.out === undefined && !values.list)) {
    process.stdout.write(HELP)
    return values.help ? 0 : 2
  }
  const chosen = recipes(values.tuning, values.footage).filter(({ name }) => name.includes(values.only))
  if (values.list) process.stdout.write(chosen.map(({ name }) => `${name}\n`).join(''))
  else {
    mkdirSync(values.out!, { recursive: true })
    for (const recipe of chosen) await make(recipe, values.out!)
  }
  return 0
}

process.exitCode = await main()
