/** Builds the web apps. The same sources give the same bytes: names are digests, and nothing tells time or place. */
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import { APP_FILES_PATH, encodeAppFiles } from '@latchkey/shared'
import type { InlineConfig, Plugin } from 'vite'

const HERE = fileURLToPath(new URL('.', import.meta.url))
const ROOT = join(HERE, '../..')
const DIST = join(HERE, 'dist')

const WORKER = 'service-worker.js'

interface App {
  /** What people call it. */
  readonly title: string
  /** By the names of their outputs. */
  readonly inputs: Readonly<Record<string, string>>
  readonly singleFile?: SingleFile
}

/** A page that people keep as one file. */
interface SingleFile {
  readonly name: string
  readonly title: string
  readonly entry: string
  readonly styles: readonly string[]
}

/** Every app, by the name of its folder. */
const APPS = {
  owner: { title: 'phone app', inputs: { index: 'index.html', worker: 'worker/service-worker.ts' } },
  desk: {
    title: 'investigator’s desk',
    inputs: { index: 'index.html' },
    singleFile: {
      name: 'latchkey-verify.html',
      title: 'Check a Latchkey evidence bundle',
      entry: 'verify-file/main.tsx',
      styles: ['../kit/palette.css', '../kit/look.css', 'desk.css'],
    },
  },
} as const satisfies Readonly<Record<string, App>>

/** One of the web apps. */
export type AppName = keyof typeof APPS

/** What the bytes of an app depend on. */
const SOURCES = ['relay/web', 'shared/src', 'shared/client', 'shared/package.json', 'package-lock.json']

/**
 * TypeBox tries once whether it may compile text to code, and interprets where it may not. A page of ours never may: the
 * try would only leave a violation of the page's policy in every owner's console.
 */
const neverEvaluate: Plugin = {
  name: 'never-evaluate',
  load(id) {
    if (!id.endsWith('/typebox/build/system/environment/evaluate.mjs')) return null
    return `export const CanEvaluate = () => false
export const Evaluate = () => { throw new Error('this page compiles nothing') }`
  },
}

const COMMON = {
  configFile: false,
  logLevel: 'warn',
  plugins: [neverEvaluate],
  oxc: { jsx: { runtime: 'automatic', importSource: 'preact' } },
  build: { target: 'es2023', modulePreload: { polyfill: false }, assetsInlineLimit: 0 },
} as const satisfies InlineConfig

/** What was built is no source, and another who builds puts there and takes away while one looks. */
async function filesBelow(path: string): Promise<string[]> {
  if (path === DIST) return []
  const entries = await readdir(path, { withFileTypes: true })
  const found = await Promise.all(
    entries.map(async (entry) => {
      const at = join(path, entry.name)
      return entry.isDirectory() ? filesBelow(at) : [at]
    }),
  )
  return found.flat()
}

/** Digest over names and contents of everything that an app is built from. */
async function digestSources(): Promise<string> {
  const hash = createHash('sha256')
  for (const source of SOURCES) {
    const path = join(ROOT, source)
    if (!existsSync(path)) continue
    const files = source.includes('.') ? [path] : await filesBelow(path)
    for (const file of files.sort()) {
      const name = relative(ROOT, file)
      if (name.endsWith('.tsbuildinfo')) continue
      hash.update(`${name}\0`).update(
        createHash('sha256')
          .update(await readFile(file))
          .digest(),
      )
    }
  }
  return hash.digest('hex')
}

/** An app's files by their paths as a page asks for them, sorted. */
async function readApp(folder: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const app = new Map<string, Uint8Array>()
  for (const file of (await filesBelow(folder)).sort()) {
    const path = `/${relative(folder, file)}`
    app.set(path === '/index.html' ? '/' : path, await readFile(file))
  }
  return app
}

function versionOf(app: ReadonlyMap<string, Uint8Array>): string {
  const hash = createHash('sha256')
  for (const [path, bytes] of app) hash.update(`${path}\0`).update(bytes)
  return hash.digest('hex').slice(0, 16)
}

/** Of `qr/decode.js`, for browsers that cannot read codes themselves. */
const DECODER = '/assets/decode-'

/** The worker comes last: it names every other file. What it has in common with the page both load from one file. */
async function finishWorker(folder: string): Promise<void> {
  const path = join(folder, WORKER)
  const code = await readFile(path, 'utf8')
  await rm(path)
  const app = await readApp(folder)
  // Few phones need the decoder, once: it is not fetched before.
  const paths = [...[...app.keys()].filter((name) => !name.startsWith(DECODER)), APP_FILES_PATH]
  await writeFile(
    path,
    `const APP_FILES=${JSON.stringify(paths)},APP_VERSION=${JSON.stringify(versionOf(app))};${code}`,
  )
}

/** vite looks at this variable, and its bytes show it: who builds, and in which program, must not matter. */
async function asForPeople<T>(work: () => Promise<T>): Promise<T> {
  const before = process.env['NODE_ENV']
  process.env['NODE_ENV'] = 'production'
  try {
    return await work()
  } finally {
    if (before === undefined) delete process.env['NODE_ENV']
    else process.env['NODE_ENV'] = before
  }
}

const base64Sha256 = (text: string): string => createHash('sha256').update(text).digest('base64')

/** The code of an entry and all that it imports, as one script. */
async function bundleScript(root: string, entry: string): Promise<string> {
  const { build } = await import('vite')
  const lib = { entry: join(root, entry), formats: ['iife' as const], name: 'latchkey', fileName: 'script' }
  const made = await asForPeople(() => build({ ...COMMON, root, build: { ...COMMON.build, write: false, lib } }))
  const chunks = (Array.isArray(made) ? made : [made]).flatMap((one) => ('output' in one ? one.output : []))
  const [chunk] = chunks.filter((one) => one.type === 'chunk')
  // Inside a page these letters would end the script, wherever they stand in it.
  return chunk!.code.replaceAll('</script', '<\\/script')
}

/** A page that is one file: it runs from a disk, may load nothing and reach nobody. @see CSP level 3, "Hash" */
async function writeSingleFile(folder: string, root: string, page: SingleFile): Promise<void> {
  const script = await bundleScript(root, page.entry)
  const style = (await Promise.all(page.styles.map((path) => readFile(join(root, path), 'utf8')))).join('')
  const policy = [
    "default-src 'none'",
    `script-src 'sha256-${base64Sha256(script)}'`,
    `style-src 'sha256-${base64Sha256(style)}'`,
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ')
  const html = `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${page.title}</title>
<style>${style}</style>
</head>
<body>
<div id="app"><p class="loading">Save this file and open it from your disk: it does nothing on a server.</p></div>
<script>${script}</script>
</body>
</html>
`
  await writeFile(join(folder, page.name), html)
}

/** Builds an app from nothing. @param folder of its files; emptied first */
export async function buildAppInto(name: AppName, folder: string): Promise<void> {
  const root = join(HERE, name)
  const { inputs, singleFile }: App = APPS[name]
  const input = Object.fromEntries(Object.entries(inputs).map(([output, path]) => [output, join(root, path)]))
  const entryFileNames = (chunk: { name: string }) => (chunk.name === 'worker' ? WORKER : 'assets/[name]-[hash].js')
  const rolldownOptions = { input, output: { entryFileNames } }
  const files = { ...COMMON.build, outDir: folder, emptyOutDir: true, rolldownOptions }
  // Half a second of loading, for an app that is nearly always built already.
  const { build } = await import('vite')
  await asForPeople(() => build({ ...COMMON, root, build: files }))
  if ('worker' in inputs) await finishWorker(folder)
  if (singleFile !== undefined) await writeSingleFile(folder, root, singleFile)
  // The list that stands in the log: whoever fetches the app can compare every file.
  await writeFile(join(folder, APP_FILES_PATH), encodeAppFiles(await readApp(folder)))
}

/**
 * An app, built unless it was built from these very sources before. Two that build at once do no harm: a folder appears
 * when it is complete, under the digest of its sources.
 * @param say told once when there is something to wait for
 * @returns the folder of its files
 */
export async function buildApp(name: AppName, say: (line: string) => void = () => {}): Promise<string> {
  const folder = join(DIST, `${name}-${(await digestSources()).slice(0, 16)}`)
  if (existsSync(folder)) return folder
  say(`Building the ${APPS[name].title} (once)…`)
  await mkdir(DIST, { recursive: true })
  const part = await mkdtemp(join(DIST, '.part-'))
  try {
    await buildAppInto(name, part)
    await rename(part, folder)
  } catch (error) {
    await rm(part, { recursive: true, force: true })
    // Somebody else was faster with the same bytes.
    if (!existsSync(folder)) throw error
  }
  return folder
}
