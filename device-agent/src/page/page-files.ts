import { readFile } from 'node:fs/promises'

/** Path → file of `browser/` and its type: all that is served to everybody. */
const FILES: Readonly<Record<string, readonly [file: string, type: string]>> = {
  '/': ['index.html', 'text/html; charset=utf-8'],
  '/icon.svg': ['icon.svg', 'image/svg+xml'],
  '/page.css': ['page.css', 'text/css; charset=utf-8'],
  ...Object.fromEntries(
    ['page.js', 'ask.js', 'stage.js', 'regions.js', 'words.js'].map((name) => [
      `/${name}`,
      [name, 'text/javascript; charset=utf-8'] as const,
    ]),
  ),
}

/** A file of the page; null for what is none. Holds nothing of the household. Untrusted: `path`. */
export async function loadPageFile(
  path: string,
): Promise<{ readonly bytes: Uint8Array; readonly type: string } | null> {
  const entry = Object.hasOwn(FILES, path) ? FILES[path] : undefined
  if (entry === undefined) return null
  const [file, type] = entry
  return { bytes: await readFile(new URL(`browser/${file}`, import.meta.url)), type }
}
