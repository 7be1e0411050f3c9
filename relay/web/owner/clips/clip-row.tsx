import { minuteWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { ClipFace } from './clip-faces.ts'
import { lengthWords, noteWords, reasonWords } from './clip-words.ts'
import { type ClipClaims, claimsOf, type ListedClip, timesOf } from './listed-clip.ts'
import { PosterPicture } from './poster-picture.tsx'

function Notes({ claims, face, kept }: { claims: ClipClaims; face: ClipFace | undefined; kept: boolean }) {
  const say = words.clips
  const note = face === undefined ? null : noteWords(face.verdict)
  if (face !== undefined && !face.verdict.isGenuine) return <strong class="bad">{note}</strong>
  return (
    <>
      {claims.open && <span class="note">{say.recording}</span>}
      {kept && <span class="soft small">{say.kept}</span>}
      {note !== null && <strong class="bad">{note}</strong>}
      {face?.refused.includes('poster') && <strong class="bad">{say.posterRefused}</strong>}
      {face?.refused.includes('meta') && <strong class="bad">{say.metaRefused}</strong>}
    </>
  )
}

/** One clip in the list: as it was judged, once it is. */
export function ClipRow({ clip, face }: { clip: ListedClip; face: ClipFace | undefined }) {
  const claims = claimsOf(face?.judged ?? clip)
  if (claims === null) return null
  const { startMs } = timesOf(claims)
  return (
    <li>
      <a class="clip" href={`#/clips/${clip.clip}`}>
        <PosterPicture face={face} />
        <span class="about">
          <span class="when">
            <time dateTime={new Date(startMs).toISOString()}>{minuteWords(startMs)}</time>
            <span class="soft small">{lengthWords(claims)}</span>
          </span>
          <span>{reasonWords(face?.meta ?? null)}</span>
          {face?.meta && <span class="soft small">{face.meta.camera}</span>}
          <Notes claims={claims} face={face} kept={clip.kept} />
        </span>
      </a>
    </li>
  )
}
