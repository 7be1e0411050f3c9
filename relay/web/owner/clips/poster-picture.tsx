import type { ClipMeta } from '@latchkey/shared'
import { words } from '../words/words.ts'
import type { FaceLook, Poster } from './clip-faces.ts'

/** Boxes further away in time than this are of another picture. */
const SAME_MOMENT_MS = 400

function boxesAt(meta: ClipMeta | null, { atMs }: Poster) {
  const distance = (entry: { atMs: number }) => Math.abs(entry.atMs - atMs)
  const nearest = meta?.boxes.toSorted((a, b) => distance(a) - distance(b))[0]
  return nearest !== undefined && distance(nearest) <= SAME_MOMENT_MS ? nearest.boxes : []
}

/** A clip's picture with frames around what moved; said in words beside it, so it is not read out. */
export function PosterPicture({ face }: { face: FaceLook | undefined }) {
  const poster = face?.poster ?? null
  if (poster === null)
    return <span class="poster none">{face === undefined ? words.clips.opening : words.clips.noPoster}</span>
  return (
    <span class="poster">
      <img src={poster.url} alt="" width={640} height={360} />
      <svg viewBox="0 0 1 1" preserveAspectRatio="none" aria-hidden="true">
        {boxesAt(face?.meta ?? null, poster).map((box, index) => (
          <rect key={index} {...box} />
        ))}
      </svg>
    </span>
  )
}
