/** A clip as the file that the doorbell recorded, bit for bit. */
import { type ItemDescriptor, type OpenedItem, type OriginalFile, planOriginals } from '@latchkey/shared'
import type { ClipPieces } from './clip-pieces.ts'

/** What came of it. */
export interface SavedClip {
  /** One per stretch without a missing piece, in order. */
  readonly files: readonly OriginalFile[]
  /** Pieces that are not in them because they are not what the doorbell recorded. */
  readonly missing: number
}

const NO_KEY = new Uint8Array(0)

/**
 * Opens every piece and joins them.
 * @param onProgress told after each piece
 * @throws what is wrong with the `init` item, without which nothing plays
 */
export async function collectClip(clip: ClipPieces, onProgress: (done: number) => void): Promise<SavedClip> {
  const opened: OpenedItem[] = []
  const add = (descriptor: ItemDescriptor, plaintext: Uint8Array) =>
    opened.push({ descriptor, plaintext, fileKey: NO_KEY })
  if (clip.init !== null) add(clip.init, await clip.read(clip.init))
  let missing = 0
  for (const [i, { descriptor }] of clip.pieces.entries()) {
    const plaintext = await clip.read(descriptor).catch(() => null)
    if (plaintext === null) missing++
    else add(descriptor, plaintext)
    onProgress(i + 1)
  }
  return { files: planOriginals(opened), missing }
}

/** `front-door-2026-11-23-140509.mp4`; `-2` and so on where one clip makes several files. */
export function fileNameOf(camera: string | null, startMs: number, part: { number: number; of: number }): string {
  const name = (camera ?? '')
    .toLowerCase()
    .normalize('NFKD')
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
  const at = new Date(startMs)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  const time = [at.getHours(), at.getMinutes(), at.getSeconds()].map(two).join('')
  const suffix = part.of > 1 ? `-${part.number}` : ''
  return `${name || 'doorbell'}-${day}-${time}${suffix}.mp4`
}
