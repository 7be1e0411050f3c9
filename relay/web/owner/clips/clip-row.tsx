import { minuteWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { FaceLook } from './clip-faces.ts'
import { lengthWords, noteWords, reasonWords } from './clip-words.ts'
import { PosterPicture } from './poster-picture.tsx'

/** What a list shows of a clip. */
export interface Row {
  readonly clip: string
  /** Corrected, UTC ms. */
  readonly startMs: number
  readonly endMs: number
  /** Is it still being recorded? */
  readonly open: boolean
  /** Does an owner want it kept? */
  readonly kept: boolean
  /** `undefined` until it was judged. */
  readonly face: FaceLook | undefined
}

function Notes({ row: { open, kept, face } }: { row: Row }) {
  const say = words.clips
  const note = face === undefined ? null : noteWords(face.verdict)
  if (face !== undefined && !face.verdict.isGenuine) return <strong class="bad">{note}</strong>
  return (
    <>
      {open && <span class="note">{say.recording}</span>}
      {kept && <span class="soft small">{say.kept}</span>}
      {note !== null && <strong class="bad">{note}</strong>}
      {face?.refused.includes('poster') && <strong class="bad">{say.posterRefused}</strong>}
      {face?.refused.includes('meta') && <strong class="bad">{say.metaRefused}</strong>}
    </>
  )
}

/** One clip in the list: as it was judged, once it is. */
export function ClipRow({ row }: { row: Row }) {
  const { clip, startMs, face } = row
  return (
    <li>
      <a class="clip" href={`#/clips/${clip}`}>
        <PosterPicture face={face} />
        <span class="about">
          <span class="when">
            <time dateTime={new Date(startMs).toISOString()}>{minuteWords(startMs)}</time>
            <span class="soft small">{lengthWords(row)}</span>
          </span>
          <span>{reasonWords(face?.meta ?? null)}</span>
          {face?.meta && <span class="soft small">{face.meta.camera}</span>}
          <Notes row={row} />
        </span>
      </a>
    </li>
  )
}
