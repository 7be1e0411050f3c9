/** The pieces of one clip's video while it is looked at: each is fetched and opened once, and kept in memory. */
import type { ItemDescriptor } from '@latchkey/shared'
import { sleep } from '../../kernel/clock.ts'
import { isPassing, type ItemOpener } from './item-opener.ts'
import { claimsOf, type ListedClip } from './listed-clip.ts'

/** A stretch of the video, timed from its beginning. */
export interface Piece {
  readonly descriptor: ItemDescriptor
  readonly startS: number
  readonly endS: number
}

/** The video of a clip that was judged. */
export interface ClipPieces {
  readonly init: ItemDescriptor | null
  readonly pieces: readonly Piece[]
  /** More may come: the doorbell is still recording. */
  readonly isOpen: boolean
  /**
   * Plaintext of one of them. Waits out what passes, such as a lost connection.
   * @param onWait told whenever the relay has to be asked again
   * @throws what is wrong with the item for good
   */
  read(descriptor: ItemDescriptor, onWait?: () => void): Promise<Uint8Array>
  /** The same clip with what was recorded since. */
  grown(clip: ListedClip): ClipPieces
}

const RETRY_MS = 1_000

function piecesOf(descriptors: readonly ItemDescriptor[]): Piece[] {
  const media = descriptors.filter(({ kind }) => kind === 'media')
  const zeroMs = media[0]?.startMs ?? 0
  return media.map((descriptor) => {
    const startS = (descriptor.startMs - zeroMs) / 1000
    return { descriptor, startS, endS: startS + descriptor.durationMs / 1000 }
  })
}

/** @param signal ends everything that waits */
export function createClipPieces(clip: ListedClip, items: ItemOpener, signal: AbortSignal): ClipPieces {
  const opened = new Map<number, Promise<Uint8Array>>()

  async function openPatiently(descriptor: ItemDescriptor, onWait: () => void): Promise<Uint8Array> {
    for (;;) {
      try {
        return await items.open(clip.clip, descriptor, signal)
      } catch (error) {
        if (signal.aborted || !isPassing(error)) throw error
      }
      onWait()
      await sleep(RETRY_MS, signal)
    }
  }

  function read(descriptor: ItemDescriptor, onWait: () => void = () => {}): Promise<Uint8Array> {
    const held = opened.get(descriptor.index)
    if (held !== undefined) return held
    const opening = openPatiently(descriptor, onWait)
    opened.set(descriptor.index, opening)
    // Whoever asks hears of it; a piece that was only fetched ahead may never be asked for.
    opening.catch(() => {})
    return opening
  }

  const about = ({ descriptors, ...listed }: ListedClip): ClipPieces => ({
    init: descriptors.find(({ kind }) => kind === 'init') ?? null,
    pieces: piecesOf(descriptors),
    isOpen: claimsOf({ descriptors, ...listed })?.open ?? false,
    read,
    grown: about,
  })
  return about(clip)
}
