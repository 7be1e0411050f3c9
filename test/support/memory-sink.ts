import type { ClipEnd, ClipSink, ClipStart, PlainItem } from '../../device-agent/src/flow.ts'

/** What a sink was given for one clip. */
export interface KeptClip {
  readonly start: ClipStart
  readonly items: PlainItem[]
  end: ClipEnd | undefined
}

/** A sink that keeps everything, and insists on the order of calls that `ClipSink` promises. */
export function createMemorySink(): ClipSink & { readonly clips: KeptClip[] } {
  const clips: KeptClip[] = []
  let busy = false
  async function alone(work: () => void): Promise<void> {
    if (busy) throw new Error('two calls at once')
    busy = true
    await Promise.resolve()
    work()
    busy = false
  }
  const openClip = (id: string): KeptClip => {
    const clip = clips.at(-1)
    if (clip?.start.clip !== id || clip.end !== undefined) throw new Error('call for a clip that is not open')
    return clip
  }
  return {
    clips,
    start: (start) =>
      alone(() => {
        if (clips.length > 0 && clips.at(-1)!.end === undefined) throw new Error('two clips at once')
        clips.push({ start, items: [], end: undefined })
      }),
    item: (clip, item) =>
      alone(() => {
        const { items } = openClip(clip)
        if (item.index !== items.length) throw new Error(`item ${item.index} after ${items.length}`)
        items.push(item)
      }),
    end: (end) => alone(() => void (openClip(end.clip).end = end)),
  }
}

/** `init‖media…` of a clip: a playable file. */
export function videoOf({ items }: KeptClip): Uint8Array {
  return Buffer.concat(items.filter(({ kind }) => kind === 'init' || kind === 'media').map(({ bytes }) => bytes))
}
