import { fromUtf8 } from '../src/bytes/bytes.ts'
import { LatchkeyError } from '../src/errors.ts'
import { hashLeaf, type TreeHash } from '../src/tlog/merkle.ts'
import { encodeHashTile, encodeTilePath, parseEntries, rootOfTile, type Tile, TILE_WIDTH } from '../src/tlog/tiles.ts'
import { readZip } from '../src/verify/zip-reader.ts'
import { agencyList, appList } from '../src/wire/http.ts'
import { parseWith } from '../src/wire/schema.ts'
import { holdingsOf, type PublicRelay } from './public-relay.ts'

/** Far above any log that one file should hold; unpacked, it stays in memory. */
const MAX_TOTAL_BYTES = 1024 * 1024 * 1024

function parseJson(text: string, path: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', `${path} of the export is not JSON`, { cause })
  }
}

/**
 * A relay's public side as somebody exported it: read like the relay itself, and judged the same.
 * Untrusted: `zip`.
 * @throws BUNDLE_INVALID for what is no whole archive
 * @see spec/monitor.md, "Exports"
 */
export function createExportedRelay(zip: Uint8Array): PublicRelay {
  const { files, findings } = readZip(zip, { maxTotalBytes: MAX_TOTAL_BYTES })
  const [broken] = findings
  if (broken !== undefined) throw new LatchkeyError('BUNDLE_INVALID', `${broken.file}: ${broken.message}`)

  function fileOf(path: string): Uint8Array {
    const bytes = files.get(path)
    if (bytes === undefined) throw new LatchkeyError('NOT_FOUND', `the export holds no ${path}`)
    return bytes
  }
  const shown = (path: string): string | null => (files.has(path) ? fromUtf8(fileOf(path)) : null)
  const json = (path: string) => parseJson(fromUtf8(fileOf(path)), path)
  const shownJson = (path: string): unknown => (files.has(path) ? json(path) : null)
  /** Hash tiles follow from the entries: they are computed, not believed. */
  function hashesOf({ level, index, width }: Tile & { readonly level: number }): TreeHash[] {
    if (level === 0) {
      const tile: Tile = { level: 'entries', index, width }
      return parseEntries(tile, fileOf(`log/${encodeTilePath(tile)}`)).map((entry) => hashLeaf(entry))
    }
    return Array.from({ length: width }, (_, i) =>
      rootOfTile(hashesOf({ level: level - 1, index: index * TILE_WIDTH + i, width: TILE_WIDTH })),
    )
  }
  return {
    documents: {
      request: async (digest) => shown(`v1/requests/${digest}.jws`),
      certificate: async (digest) => shown(`v1/requests/${digest}/certificate.jws`),
      policy: async (digest) => shownJson(`v1/policies/${digest}.json`),
      entry: async (digest) => shownJson(`v1/register/${digest}.json`),
    },
    checkpoint: async () => fileOf('log/checkpoint'),
    readTile: async (tile) => {
      const { level, index, width } = tile
      return level === 'entries'
        ? fileOf(`log/${encodeTilePath(tile)}`)
        : encodeHashTile(hashesOf({ level, index, width }))
    },
    // What was open when it was made is not what is open now.
    cell: null,
    lists: async () => ({
      agencies: parseWith(agencyList, json('v1/agencies.json'), 'agencies'),
      apps: parseWith(appList, json('v1/apps.json'), 'apps'),
      policyDigest: fromUtf8(fileOf('v1/policy-digest.txt')),
      holdings: holdingsOf(shownJson('v1/holdings.json')),
    }),
  }
}
