/** What each clip looks like in the list: once it was judged its poster and its meta are opened, one after the other in the list's order. */
import {
  type ClipMeta,
  type ClipVerdict,
  digestOfMasks,
  type ItemDescriptor,
  type ItemKind,
  parseClipMeta,
} from '@latchkey/shared'
import { sleep } from '../../kernel/clock.ts'
import { createObservable, type Observable } from '../../kernel/observable.ts'
import type { FeedState } from './clip-feed.ts'
import type { Verdicts } from './clip-judge.ts'
import { isPassing, type ItemOpener } from './item-opener.ts'
import { claimsOf, type ListedClip } from './listed-clip.ts'

/** A picture that may be shown, and when it was taken. */
export interface Poster {
  readonly url: string
  readonly atMs: number
}

/** What of a clip was opened, and what was refused. */
export interface ClipFace {
  /** What was judged: an entry that came later counts for nothing until it is judged itself. */
  readonly judged: ListedClip
  /** Of exactly this entry. Unless it is genuine nothing of the clip is opened. */
  readonly verdict: ClipVerdict
  readonly poster: Poster | null
  readonly meta: ClipMeta | null
  /** Items that the relay sent otherwise than they were recorded. */
  readonly refused: readonly ('poster' | 'meta')[]
}

/** As much of it as a list shows. */
export type FaceLook = Pick<ClipFace, 'poster' | 'meta' | 'refused'> & {
  readonly verdict: Pick<ClipVerdict, 'isGenuine' | 'faults'>
}

/** Faces by clip. */
export type Faces = ReadonlyMap<string, ClipFace>

/** Makes them on its own schedule: what a person looks at never decides what is fetched. */
export interface FaceMaker {
  readonly faces: Observable<Faces>
  /** The first `count` of the list get a face. */
  reach(count: number): void
  run(signal: AbortSignal): Promise<void>
}

const RETRY_MS = 3_000
const descriptorOf = ({ descriptors }: ListedClip, kind: ItemKind): ItemDescriptor | undefined =>
  descriptors.find((descriptor) => descriptor.kind === kind)

/** @throws what may pass: no connection, a busy relay */
async function openPart<T>(opening: Promise<T> | undefined): Promise<T | 'refused' | null> {
  try {
    return (await opening) ?? null
  } catch (error) {
    if (isPassing(error)) throw error
    return 'refused'
  }
}

/** A description that was opened; `refused` when its masks are not the ones that the manifest states. @throws when it does not parse */
export function metaOf(bytes: Uint8Array, stated: string | null): ClipMeta | 'refused' {
  const meta = parseClipMeta(bytes)
  const agrees = Object.keys(meta.masks).length === 0 ? stated === null : digestOfMasks(meta.masks) === stated
  return agrees ? meta : 'refused'
}

/** A picture that was opened; its address is to be revoked. */
export function posterOf(bytes: Uint8Array, { startMs }: ItemDescriptor): Poster {
  const url = URL.createObjectURL(new Blob([new Uint8Array(bytes)], { type: 'image/jpeg' }))
  return { url, atMs: startMs }
}

const openMeta = async (clip: ListedClip, items: ItemOpener, descriptor: ItemDescriptor) =>
  metaOf(await items.openKept(clip.clip, descriptor), claimsOf(clip)!.masks)

const openPoster = async (clip: ListedClip, items: ItemOpener, descriptor: ItemDescriptor) =>
  posterOf(await items.openKept(clip.clip, descriptor), descriptor)

async function makeFace(clip: ListedClip, verdict: ClipVerdict, items: ItemOpener): Promise<ClipFace> {
  const bare = { judged: clip, verdict, poster: null, meta: null, refused: [] }
  if (!verdict.isGenuine) return bare
  const [posterItem, metaItem] = [descriptorOf(clip, 'poster'), descriptorOf(clip, 'meta')]
  const meta = await openPart(metaItem && openMeta(clip, items, metaItem))
  const poster = await openPart(posterItem && openPoster(clip, items, posterItem))
  const refused = [
    ...(poster === 'refused' ? ['poster' as const] : []),
    ...(meta === 'refused' ? ['meta' as const] : []),
  ]
  return { ...bare, refused, poster: poster === 'refused' ? null : poster, meta: meta === 'refused' ? null : meta }
}

type Due = { readonly listed: ListedClip; readonly verdict: ClipVerdict }

/** @param parts.verdicts what is made of a clip waits for its own */
export function createFaceMaker(parts: {
  feed: Observable<FeedState>
  verdicts: Observable<Verdicts>
  items: ItemOpener
}): FaceMaker {
  const { feed, verdicts, items } = parts
  const faces = createObservable<Faces>(new Map())
  let reach = 0
  let wake = new AbortController()
  feed.listen(() => wake.abort())
  verdicts.listen(() => wake.abort())

  function next(): Due | null {
    for (const listed of feed.value.clips.slice(0, reach)) {
      const verdict = verdicts.value.get(listed.clip)
      if (verdict?.entry === listed.entry && faces.value.get(listed.clip)?.verdict !== verdict)
        return { listed, verdict }
    }
    return null
  }

  function forget(): void {
    const listed = new Set(feed.value.clips.map(({ clip }) => clip))
    const gone = [...faces.value].filter(([clip]) => !listed.has(clip))
    if (gone.length === 0) return
    for (const [, { poster }] of gone) if (poster !== null) URL.revokeObjectURL(poster.url)
    faces.set(new Map([...faces.value].filter(([clip]) => listed.has(clip))))
  }

  function keep(clip: string, face: ClipFace): void {
    const before = faces.value.get(clip)?.poster
    faces.set(new Map(faces.value).set(clip, face))
    if (before && before !== face.poster) URL.revokeObjectURL(before.url)
  }

  /** What was opened stays open when the clip is the same, and only something else is said of it. */
  async function make({ listed, verdict }: Due): Promise<ClipFace> {
    const before = faces.value.get(listed.clip)
    const isSame = before?.judged === listed && before.verdict.isGenuine === verdict.isGenuine
    return isSame ? { ...before, verdict } : makeFace(listed, verdict, items)
  }

  return {
    faces,
    reach(count) {
      reach = Math.max(reach, count)
      wake.abort()
    },
    async run(signal) {
      while (!signal.aborted) {
        wake = new AbortController()
        forget()
        const due = next()
        if (due === null) await sleep(RETRY_MS, AbortSignal.any([wake.signal, signal]))
        else
          await make(due).then(
            (face) => keep(due.listed.clip, face),
            () => sleep(RETRY_MS, signal),
          )
      }
    },
  }
}
