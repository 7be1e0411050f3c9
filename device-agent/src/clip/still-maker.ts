import { LatchkeyError } from '@latchkey/shared'
import type { PosterMaker } from '../flow.ts'
import type { NewestPicture } from './newest-picture.ts'

/**
 * Builds a maker of stills of what the camera shows now. Whoever asks again before the next keyframe gets the same
 * picture, so that any number of viewers costs one decoding per keyframe, one at a time.
 * @returns a function that throws UNAVAILABLE while there is no picture, or none can be made of it
 */
export function createStillMaker(
  makePoster: PosterMaker,
  picture: () => NewestPicture | null,
): () => Promise<Uint8Array> {
  let last: { readonly of: NewestPicture; readonly jpeg: Promise<Uint8Array | undefined> } | null = null

  async function make(of: NewestPicture): Promise<Uint8Array | undefined> {
    await last?.jpeg
    return makePoster(of.format, of.keyframe)
  }

  return async () => {
    const of = picture()
    if (of === null) throw new LatchkeyError('UNAVAILABLE', 'the camera shows nothing at this moment')
    if (last?.of !== of) last = { of, jpeg: make(of) }
    const jpeg = await last.jpeg
    if (jpeg === undefined) throw new LatchkeyError('UNAVAILABLE', 'no picture could be made of what the camera sends')
    // Privacy may have begun while it was made.
    if (picture() === null) throw new LatchkeyError('UNAVAILABLE', 'the camera shows nothing at this moment')
    return jpeg
  }
}
