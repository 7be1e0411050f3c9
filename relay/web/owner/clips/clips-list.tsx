import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { useObservable } from '../kernel/observable.ts'
import { clockWords, dayKey, minuteWords, momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { FeedState } from './clip-feed.ts'
import { ClipRow } from './clip-row.tsx'
import type { Faces } from './clip-faces.ts'
import { dayTitle } from './clip-words.ts'
import type { ClipsSession } from './clips-session.ts'
import { type ClipClaims, claimsOf, type ListedClip, timesOf } from './listed-clip.ts'
import type { Visit } from './visits.ts'

/** So many are shown, and their posters fetched, before older ones are asked for. */
const STEP = 50

type Readable = { readonly clip: ListedClip; readonly claims: ClipClaims }

function readable(clips: readonly ListedClip[]): Readable[] {
  return clips.flatMap((clip) => {
    const claims = claimsOf(clip)
    return claims === null ? [] : [{ clip, claims }]
  })
}

/** Neighbours of the same day, newest first. */
function byDay(clips: readonly Readable[]): [day: string, clips: Readable[]][] {
  const days = new Map<string, Readable[]>()
  for (const entry of clips) {
    const day = dayKey(timesOf(entry.claims).startMs)
    days.set(day, [...(days.get(day) ?? []), entry])
  }
  return [...days]
}

function Day({ day, clips, faces }: { day: string; clips: readonly Readable[]; faces: Faces }) {
  return (
    <section class="day" aria-labelledby={`day-${day}`}>
      <h2 id={`day-${day}`}>{dayTitle(timesOf(clips[0]!.claims).startMs)}</h2>
      <ul class="clips">
        {clips.map(({ clip }) => (
          <ClipRow key={clip.clip} clip={clip} face={faces.get(clip.clip)} />
        ))}
      </ul>
    </section>
  )
}

/** “A new clip has arrived.”, for those who do not see it appear. */
function Arrivals({ count }: { count: number }) {
  const before = useRef(count)
  const [news, setNews] = useState('')
  useEffect(() => {
    if (count > before.current) setNews(words.clips.arrived(count - before.current))
    before.current = count
  }, [count])
  return (
    <p class="unseen" role="status">
      {news}
    </p>
  )
}

function State(props: { feed: FeedState; isTold: boolean; newest: ClipClaims | undefined }) {
  const { feed, isTold, newest } = props
  const say = words.clips
  if (feed.failure !== null) return <Alert>{say.unreachable}</Alert>
  return (
    <p class="soft small">
      {newest !== undefined && `${say.last(momentWords(timesOf(newest).startMs))} `}
      {isTold ? say.live : feed.checkedMs !== null && say.checked(clockWords(feed.checkedMs))}
    </p>
  )
}

/** What was told before there is anything to look at. */
function AtTheDoor({ visits }: { visits: readonly Visit[] }) {
  const say = words.clips
  return (
    <div class="visits" role="status">
      {visits.map(({ event, reason, atMs }) => (
        <p key={event} class="card visit">
          <strong>{say.visit[reason](minuteWords(atMs))}</strong> <span class="soft">{say.visitSoon}</span>
        </p>
      ))}
    </div>
  )
}

/** The household's clips, newest first. */
export function ClipsList({ session, news }: { session: ClipsSession; news: string | null }) {
  const feed = useObservable(session.feed.state)
  const faces = useObservable(session.faces.faces)
  const visits = useObservable(session.visits)
  const isTold = useObservable(session.stream.isLive)
  const [shown, setShown] = useState(STEP)
  // Papers that cannot be read stand before the readable ones and take no place from them.
  const clips = readable(feed.clips)
  const unread = feed.clips.length - clips.length
  useEffect(() => session.faces.reach(shown + unread), [session, shown, unread])
  const say = words.clips
  if (feed.checkedMs === null)
    return (
      <>
        <Title>{say.title}</Title>
        {feed.failure === null ? <p class="soft">{say.loading}</p> : <Alert>{say.unreached}</Alert>}
      </>
    )
  return (
    <>
      <Title>{say.title}</Title>
      {news !== null && <p role="status">{news}</p>}
      <State feed={feed} isTold={isTold} newest={clips[0]?.claims} />
      <AtTheDoor visits={visits} />
      <Arrivals count={clips.length} />
      {unread > 0 && <Alert wrong>{say.unread(unread)}</Alert>}
      {clips.length === 0 && <p class="card">{say.none}</p>}
      {byDay(clips.slice(0, shown)).map(([day, entries]) => (
        <Day key={day} day={day} clips={entries} faces={faces} />
      ))}
      {clips.length > shown && (
        <p>
          <Button onClick={() => setShown(shown + STEP)}>{say.older(Math.min(STEP, clips.length - shown))}</Button>
        </p>
      )}
    </>
  )
}
