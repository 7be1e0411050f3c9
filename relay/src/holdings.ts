/** What this relay holds, for the public: from the catalog of its database and from what it runs by, never typed twice. */
import type { Holdings } from '@latchkey/shared'
import type { CatalogTable } from './store/catalog.ts'

type Place = Holdings['places'][number]

/** Where sealed pieces lie: `own`, on a disk of the relay; `elsewhere`, on a store that somebody else may run. */
const ITEMS: Readonly<Record<'own' | 'elsewhere', Place>> = {
  own: {
    place: 'items, a folder',
    what: 'The sealed pieces of recordings, as the doorbells sealed them.',
    readBy: 'Nobody here: only keys on the household’s phones and its printed sheet open them.',
    kept: 'As long as the recording.',
  },
  elsewhere: {
    place: 'items, an object store',
    what: 'The sealed pieces of recordings, as the doorbells sealed them, on a store that somebody else may run.',
    readBy:
      'Nobody, here or there: only keys on the household’s phones and its printed sheet open them. Who runs the store can see how many there are of which household’s key, how large, and when they come and are fetched.',
    kept: 'As long as the recording.',
  },
}

/** What else lies outside of the database, and cannot be asked. */
const PLACES: readonly Place[] = [
  {
    place: 'secrets, a folder',
    what: 'Keys of this relay: for its receipts, its log, its nonces and its pushes. None of them opens a recording.',
    readBy: 'The operator.',
    kept: 'For good.',
  },
  {
    place: 'lines that the program writes',
    what: 'Which kind of request was answered, when, how fast and with which status: no address, no name, no digest.',
    readBy: 'The operator.',
    kept: 'As the operator’s machine keeps them.',
  },
  {
    place: 'memory',
    what: 'Messages to phones on their way, encrypted by the doorbells. Network addresses of callers, while they are connected.',
    readBy: 'The operator.',
    kept: 'An hour at most.',
  },
]

/** What the document is made of. */
export interface HoldingsParts {
  readonly origin: string
  readonly sinceMs: number
  readonly catalog: readonly CatalogTable[]
  readonly items: keyof typeof ITEMS
  readonly running: Holdings['running']
}

/** `what. Read by: whom. Kept: how long.`, as comments on tables are written; what is written otherwise is all `what`. */
export function partsOfComment(comment: string | null): Pick<Holdings['tables'][number], 'what' | 'readBy' | 'kept'> {
  const [, what, readBy, kept] = /^(.+?) Read by: (.+?) Kept: (.+)$/s.exec(comment ?? '') ?? []
  return { what: what ?? comment, readBy: readBy ?? null, kept: kept ?? null }
}

/** The document, the same for everybody until the relay starts anew or other rules count. */
export function describeHoldings({ origin, sinceMs, catalog, items, running }: HoldingsParts): Holdings {
  return {
    v: 1,
    origin,
    sinceMs,
    tables: catalog.map(({ table, comment, columns }) => ({
      table,
      ...partsOfComment(comment),
      columns: columns.map(({ column, type, comment: what }) => ({ column, type, what })),
    })),
    places: [ITEMS[items], ...PLACES],
    running,
  }
}
