import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { useObservable } from '../../kernel/observable.ts'
import { clockWords, dayKey, minuteWords, momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { FeedState } from './clip-feed.ts'
import { ClipRow, type Row } from './clip-row.tsx'
import type { Faces } from './clip-faces.ts'
import { dayTitle } from './clip-words.ts'
import type { ClipsSession } from './clips-session.ts'
import type { EarlyList } from './kept-faces.ts'
import { claimsOf, timesOf } from './listed-clip.ts'
import type { Visit } from './visits.ts'

/** So many are shown, and their posters fetched, before older ones are asked for. */
const STEP = 50

/** As it was judged, once it is; those whose papers cannot be read have no row. */
function rowsOf({ clips }: FeedState, faces: Faces): Row[] {
  return clips.flatMap((listed) => {
    const { clip, kept } = listed
    const face = faces.get(clip)
    const claims = claimsOf(face?.judged ?? listed)
    return claims === null ? [] : [{ clip, kept, face, open: claims.open, ...timesOf(claims) }]
  })
}

/** Neighbours of the same day, newest first. */
function byDay(rows: readonly Row[]): [day: string, rows: Row[]][] {
  const days = new Map<string, Row[]>()
  for (const row of rows) {
    const day = dayKey(row.startMs)
    days.set(day, [...(days.get(day) ?? []), row])
  }
  return [...days]
}

function Day({ day, rows }: { day: string; rows: readonly Row[] }) {
  return (
    <section class="day" aria-labelledby={`day-${day}`}>
      <h2 id={`day-${day}`}>{dayTitle(rows[0]!.startMs)}</h2>
      <ul class="clips">
        {rows.map((row) => (
          <ClipRow key={row.clip} row={row} />
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

function State(props: { feed: FeedState; early: EarlyList | null; isTold: boolean; newest: Row | undefined }) {
  const { feed, early, isTold, newest } = props
  const say = words.clips
  if (early !== null) {
    const when = momentWords(early.asOfMs)
    return feed.failure === null ? <p class="soft small">{say.asOf(when)}</p> : <Alert>{say.asOfUnreached(when)}</Alert>
  }
  if (feed.failure !== null) return <Alert>{say.unreachable}</Alert>
  return (
    <p class="soft small">
      {newest !== undefined && `${say.last(momentWords(newest.startMs))} `}
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
  const early = useObservable(session.early)
  const faces = useObservable(session.faces.faces)
  const visits = useObservable(session.visits)
  const isTold = useObservable(session.stream.isLive)
  const [shown, setShown] = useState(STEP)
  // Papers that cannot be read stand before the readable ones and take no place from them.
  const heard = rowsOf(feed, faces)
  const unread = feed.clips.length - heard.length
  const rows = early === null ? heard : early.rows
  useEffect(() => session.faces.reach(shown + unread), [session, shown, unread])
  const say = words.clips
  if (feed.checkedMs === null && early === null)
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
      <State feed={feed} isTold={isTold} early={early} newest={rows[0]} />
      <AtTheDoor visits={visits} />
      {early === null && <Arrivals count={rows.length} />}
      {early === null && unread > 0 && <Alert wrong>{say.unread(unread)}</Alert>}
      {rows.length === 0 && <p class="card">{say.none}</p>}
      {byDay(rows.slice(0, shown)).map(([day, ofDay]) => (
        <Day key={day} day={day} rows={ofDay} />
      ))}
      {rows.length > shown && (
        <p>
          <Button onClick={() => setShown(shown + STEP)}>{say.older(Math.min(STEP, rows.length - shown))}</Button>
        </p>
      )}
    </>
  )
}
