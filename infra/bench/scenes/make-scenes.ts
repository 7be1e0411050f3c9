/** Writes the labelled videos that motion detection and decoding are measured on: `node infra/bench/scenes/make-scenes.ts --help`. */
import { existsSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import {
  COMPOSITES,
  type CompositeEntry,
  createCompositeOf,
  loadVisitFootage,
  TUNING_COMPOSITES,
} from './composite-suite.ts'
import { encodeScene } from './ffmpeg-scene-encoder.ts'
import { frameCount } from './scene.ts'

const HELP = `node infra/bench/scenes/make-scenes.ts --out DIR [--footage DIR] [--only TEXT] [--tuning] [--list]

Writes each scene as NAME.mp4 with its truth in NAME.mp4.json. What is there already is kept.

  --footage DIR  recordings with a ground-truth.json; composites are cut from them
  --only TEXT    names that hold TEXT
  --tuning       the scenes for adjusting a detector instead of those for measuring it
  --list         only the names
`

const say = (line: string) => process.stderr.write(`${line}\n`)

async function makeComposites(entries: readonly CompositeEntry[], folders: { out: string; footage: string }) {
  const footage = loadVisitFootage(folders.footage)
  for (const entry of entries) {
    const path = join(folders.out, `${entry.scene.name}.mp4`)
    if (existsSync(path)) continue
    const scene = await createCompositeOf(footage, entry)
    say(`${path}: ${frameCount(scene)} pictures of ${scene.width}×${scene.height}…`)
    await encodeScene(scene, entry.coding, path)
  }
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
  const entries = (values.tuning ? TUNING_COMPOSITES : COMPOSITES).filter(({ scene }) =>
    scene.name.includes(values.only),
  )
  if (values.help || (values.out === undefined && !values.list)) {
    process.stdout.write(HELP)
    return values.help ? 0 : 2
  }
  if (values.list) {
    for (const { scene } of entries) process.stdout.write(`${scene.name}\n`)
    return 0
  }
  mkdirSync(values.out!, { recursive: true })
  if (values.footage !== undefined) await makeComposites(entries, { out: values.out!, footage: values.footage })
  return 0
}

process.exitCode = await main()
