import { useEffect, useMemo } from 'preact/hooks'
import { Alert, Title } from '../../kit/parts.tsx'
import { useObservable } from '../../kernel/observable.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { ClipFace } from './clip-faces.ts'
import { ClipDeletion } from './clip-deletion.tsx'
import { ClipKeeping } from './clip-keeping.tsx'
import { type ClipPieces, createClipPieces } from './clip-pieces.ts'
import { ClipSaving } from './clip-saving.tsx'
import { ClipVideo } from './clip-video.tsx'
import { clipSentences, faultSentences, lengthWords, noteWords, reasonWords } from './clip-words.ts'
import type { Row } from './clip-row.tsx'
import type { ClipsSession } from './clips-session.ts'
import { type ClipClaims, claimsOf, type ListedClip, timesOf } from './listed-clip.ts'
import { PosterPicture } from './poster-picture.tsx'

/** The clip's pieces as long as it is looked at; the same ones when it grows. */
function usePieces(clip: ListedClip, session: ClipsSession): ClipPieces {
  const end = useMemo(() => new AbortController(), [clip.clip])
  useEffect(() => () => end.abort(), [end])
  const first = useMemo(() => createClipPieces(clip, session.items, end.signal), [end])
  return useMemo(() => first.grown(clip), [first, clip.cursor])
}

/** Nothing of it is opened; the reasons are all there is to show. */
function WrongClip({ face }: { face: ClipFace }) {
  const say = words.clips
  return (
    <section class="card">
      <Alert wrong>{noteWords(face.verdict)}</Alert>
      <ul>
        {faultSentences(face.verdict).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
      <p>{say.wrongWhy}</p>
    </section>
  )
}

function Known({ claims, face }: { claims: ClipClaims; face: ClipFace }) {
  const say = words.clips
  return (
    <section class="card">
      <h2>{say.signedTitle}</h2>
      <p class="good">
        <span aria-hidden="true">✓ </span>
        {say.signed}
      </p>
      {faultSentences(face.verdict).map((sentence) => (
        <Alert key={sentence} wrong>
          {sentence}
        </Alert>
      ))}
      {face.refused.includes('meta') && <Alert wrong>{say.metaRefused}</Alert>}
      {face.refused.includes('poster') && <Alert wrong>{say.posterRefused}</Alert>}
      <ul>
        {clipSentences(claims, face.meta).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </section>
  )
}

function RightClip({ face, claims, session }: { face: ClipFace; claims: ClipClaims; session: ClipsSession }) {
  const pieces = usePieces(face.judged, session)
  const label = [reasonWords(face.meta), momentWords(timesOf(claims).startMs)].join(', ')
  return (
    <>
      <ClipVideo clip={pieces} claims={claims} meta={face.meta} label={label} />
      <Known claims={claims} face={face} />
      <ClipSaving clip={pieces} camera={face.meta?.camera ?? null} offsetMs={claims.clock.offsetMs} />
    </>
  )
}

function About(props: { startMs: number; endMs: number; camera: string | undefined }) {
  const parts = [momentWords(props.startMs), lengthWords(props), props.camera ?? '']
  return <p class="soft">{parts.filter((part) => part !== '').join(' · ')}</p>
}

/** What this phone knew before the relay has said anything: to be looked at, and nothing of it opens. */
function EarlyClip({ row, asOfMs, unheard }: { row: Row; asOfMs: number; unheard: string | null }) {
  const say = words.clips
  const note = row.face ? noteWords(row.face.verdict) : null
  return (
    <>
      <About startMs={row.startMs} endMs={row.endMs} camera={row.face?.meta?.camera} />
      {unheard !== null && <Alert>{unheard}</Alert>}
      <PosterPicture face={row.face} />
      {note !== null && <p class="bad">{note}</p>}
      <p>{say.asOfClip(momentWords(asOfMs))}</p>
      <p class="soft">{say.asOfVideo}</p>
    </>
  )
}

function JudgedClip({ face, session }: { face: ClipFace; session: ClipsSession }) {
  const claims = claimsOf(face.judged)
  return (
    <>
      {claims !== null && <About {...timesOf(claims)} camera={face.meta?.camera} />}
      {claims === null || !face.verdict.isGenuine ? (
        <WrongClip face={face} />
      ) : (
        <RightClip face={face} claims={claims} session={session} />
      )}
    </>
  )
}

/** One clip: its video, what is known of it, and what can be done with it. */
export function ClipView(props: { session: ClipsSession; clip: string; onDeleted: (news: string) => void }) {
  const { session } = props
  const { clips, checkedMs, days, failure } = useObservable(session.feed.state)
  const face = useObservable(session.faces.faces).get(props.clip)
  const early = useObservable(session.early)
  const say = words.clips
  const place = clips.findIndex(({ clip }) => clip === props.clip) + 1
  const listed = clips[place - 1]
  useEffect(() => session.faces.reach(place), [session, place])
  async function remove(): Promise<void> {
    const claims = face && claimsOf(face.judged)
    await session.delete(props.clip)
    props.onDeleted(say.deleted(claims ? momentWords(timesOf(claims).startMs) : ''))
  }
  const before = face === undefined ? early?.rows.find(({ clip }) => clip === props.clip) : undefined
  const unheard = failure === null ? say.loading : say.unreached
  const unseen = checkedMs === null ? unheard : place === 0 ? say.gone : say.opening
  return (
    <>
      <p>
        <a href="#/clips">‹ {say.back}</a>
      </p>
      <Title>{reasonWords((face ?? before?.face)?.meta ?? null)}</Title>
      {face !== undefined ? (
        <JudgedClip face={face} session={session} />
      ) : before !== undefined && early !== null ? (
        <EarlyClip row={before} asOfMs={early.asOfMs} unheard={failure === null ? null : say.unanswered} />
      ) : (
        <p class="soft">{unseen}</p>
      )}
      {listed !== undefined && days !== null && <ClipKeeping clip={listed} days={days} session={session} />}
      {place > 0 && session.role === 'owner' && <ClipDeletion onDelete={remove} />}
    </>
  )
}
