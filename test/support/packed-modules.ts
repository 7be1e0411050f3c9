/**
 * TypeBox comes in seven hundred files, and finding them takes a program longer than everything else that it loads: a
 * tenth of a second, for each of the hundreds of programs that tests start. Here they are packed, once, into as many files as it
 * has entries; Node is told to load those in their place. What runs is the same code.
 */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { build } from 'vite'

const MODULES = fileURLToPath(new URL('../../node_modules', import.meta.url))
const PACKAGE = 'typebox'
/** Changed with what this file makes. */
const FORMAT = 1

interface PackageFile {
  readonly version: string
  readonly exports: Readonly<Record<string, { readonly import: string }>>
}

/** What a program may ask for, and the file that it gets: `typebox/value`, `…/build/value/index.mjs`. */
function entriesOf({ exports }: PackageFile): { specifier: string; name: string; file: string }[] {
  return Object.entries(exports).map(([path, { import: file }]) => ({
    specifier: join(PACKAGE, path),
    name: path === '.' ? 'index' : path.slice('./'.length),
    file: join(MODULES, PACKAGE, file),
  }))
}

/** Runs in every program: as little as will do. vitest asks for files where others ask for names. */
const hookText = (packed: Readonly<Record<string, string>>) => `import { registerHooks } from 'node:module'
const PACKED = new Map(Object.entries(${JSON.stringify(packed)}))
registerHooks({
  resolve(specifier, context, next) {
    const file = PACKED.get(specifier)
    if (file === undefined) return next(specifier, context)
    return { url: new URL(file, import.meta.url).href, format: 'module', shortCircuit: true }
  },
})
`

async function packInto(folder: string, entries: ReturnType<typeof entriesOf>): Promise<void> {
  await build({
    configFile: false,
    logLevel: 'warn',
    ssr: { noExternal: true },
    build: {
      ssr: true,
      outDir: folder,
      minify: false,
      target: 'esnext',
      rolldownOptions: {
        input: Object.fromEntries(entries.map(({ name, file }) => [name, file])),
        output: { entryFileNames: '[name].mjs', chunkFileNames: 'part-[hash].mjs' },
      },
    },
  })
  const packed = entries.flatMap(({ specifier, name, file }) =>
    [specifier, pathToFileURL(file).href, file].map((asked) => [asked, `./${name}.mjs`] as const),
  )
  await writeFile(join(folder, 'hook.mjs'), hookText(Object.fromEntries(packed)))
}

/** Packs what is not packed yet. @returns the option that makes Node, and every Node below it, load it */
export async function packModules(): Promise<string> {
  const text = await readFile(join(MODULES, PACKAGE, 'package.json'), 'utf8')
  const digest = createHash('sha256').update(`${FORMAT} ${MODULES} ${text}`).digest('hex').slice(0, 16)
  const cache = join(MODULES, '.cache', 'latchkey-tests')
  const folder = join(cache, `packed-${digest}`)
  if (!existsSync(folder)) {
    await mkdir(cache, { recursive: true })
    const part = await mkdtemp(join(cache, '.packed-'))
    await packInto(part, entriesOf(JSON.parse(text) as PackageFile))
    // Somebody else was faster with the same bytes.
    await rename(part, folder).catch(() => rm(part, { recursive: true, force: true }))
  }
  return `--import=${pathToFileURL(join(folder, 'hook.mjs')).href}`
}
