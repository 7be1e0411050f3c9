/** What the kept list looks like until the relay has answered: pictures and names are opened from what lies sealed on this phone. */
import { sleep } from '../../kernel/clock.ts'
import { createObservable, type Observable, until } from '../../kernel/observable.ts'
import { type FaceLook, metaOf, posterOf } from './clip-faces.ts'
import type { Row } from './clip-row.tsx'
import type { ItemOpener } from './item-opener.ts'
import type { KeptClip, KeptList, KeptSources } from './kept-list.ts'

/** The list before there is a newer one. */
export interface EarlyList {
  readonly asOfMs: number
  readonly rows: readonly Row[]
}

/** So many are on a screen, and are waited for, but no longer than this, so that nothing blinks. */
const ON_SCREEN = 6
const HANDOVER_MS = 500

const bareOf = ({ isGenuine, faults, refused }: KeptClip): FaceLook => ({
  verdict: { isGenuine, faults },
  refused,
  poster: null,
  meta: null,
})

async function openFace(kept: KeptClip, items: ItemOpener): Promise<FaceLook> {
  const bare = bareOf(kept)
  if (!kept.isGenuine) return bare
  const open = (part: KeptClip['poster']) => (part === null ? null : items.openHeld(kept.clip, part))
  const [metaBytes, posterBytes] = await Promise.all([open(kept.meta), open(kept.poster)])
  const meta = metaBytes && metaOf(metaBytes, kept.masks)
  return { ...bare, meta: meta === 'refused' ? null : meta, poster: posterBytes && posterOf(posterBytes, kept.poster!) }
}

const rowOf = (kept: KeptClip, face: FaceLook | undefined): Row => {
  const { clip, startMs, endMs, open, kept: isKept } = kept
  return { clip, startMs, endMs, open, kept: isKept, face }
}

/** Resolves when what the relay lists was judged, and as much of it can be seen. */
async function untilReplaced({ feed, verdicts, faces }: KeptSources, signal: AbortSignal): Promise<void> {
  const isJudged = () => feed.value.checkedMs !== null && (verdicts.value.size > 0 || feed.value.clips.length === 0)
  await until([feed, verdicts], isJudged, signal)
  const late = new AbortController()
  void sleep(HANDOVER_MS, signal).then(() => late.abort())
  await until([feed, faces], () => faces.value.size >= Math.min(ON_SCREEN, feed.value.clips.length), late.signal)
}

/** Shows the kept list until {@link KeptSources} have a newer one; `null` from then on. */
export function showKept(
  list: KeptList | null,
  { items, sources, signal }: { items: ItemOpener; sources: KeptSources; signal: AbortSignal },
): Observable<EarlyList | null> {
  const shown = createObservable<EarlyList | null>(null)
  if (list === null) return shown
  const { asOfMs } = list
  const faces = new Map<string, FaceLook>()
  const draw = () => shown.set({ asOfMs, rows: list.clips.map((kept) => rowOf(kept, faces.get(kept.clip))) })
  let isOver = false

  async function openAll(): Promise<void> {
    for (const kept of list!.clips) {
      const face = await openFace(kept, items).catch(() => bareOf(kept))
      faces.set(kept.clip, face)
      if (isOver) break
      draw()
    }
  }

  async function run(): Promise<void> {
    const opened = openAll()
    await untilReplaced(sources, signal)
    isOver = true
    shown.set(null)
    await opened
    for (const { poster } of faces.values()) if (poster !== null) URL.revokeObjectURL(poster.url)
  }

  draw()
  void run()
  return shown
}
