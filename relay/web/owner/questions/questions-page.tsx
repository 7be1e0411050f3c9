import type { ClipEntry, JudgeContext, Seen, SettingsChoices } from '@latchkey/shared'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { loadJudgeContext } from '../clips/clip-memory.ts'
import { clipsSessionOf } from '../clips/clips-session.ts'
import { DecidePage } from '../decide/decide-page.tsx'
import type { Outbox } from '../decide/outbox.ts'
import type { Home } from '../household/home.ts'
import { nowMs, sleep } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { loadQuestions, type Questions } from './load-questions.ts'
import { type Match, matchQuestions } from './match.ts'
import { Pause, pausedUntil } from './pause.tsx'

/** A question stands for days; a minute is soon enough. */
const REFRESH_MS = 60_000
/** When nothing was heard at all: what is asked here has no part in that. */
const RETRY_MS = 5_000

interface Found extends Questions {
  readonly context: JudgeContext
  readonly seen: Seen
}

interface Sources {
  readonly home: Home
  readonly log: LogKeeper
  readonly database: Database
}

/** Fetches everything that is asked here, whatever is shown of it. */
async function load({ home, log, database }: Sources): Promise<Found> {
  const questions = await loadQuestions(home, log)
  return { ...questions, context: await loadJudgeContext(home, database), seen: await log.seen() }
}

/** Everything that was recorded, as the timeline hears of it: nothing is fetched for a question’s sake. */
function useClips({ home, database }: Sources): readonly ClipEntry[] | null {
  const [clips, setClips] = useState<readonly ClipEntry[] | null>(null)
  useEffect(() => {
    const end = new AbortController()
    void clipsSessionOf(home, database).then(({ feed: { state } }) => {
      const show = (): void => {
        if (state.value.checkedMs !== null) setClips(state.value.clips.map(({ entry }) => entry))
      }
      if (end.signal.aborted) return
      end.signal.addEventListener('abort', state.listen(show))
      show()
    })
    return () => end.abort()
  }, [home.keyset])
  return clips
}

/**
 * Looks at its own steady pace as long as the page is there. Nothing that a person does with what is found, opening,
 * closing, declining, changes when anything is fetched: the relay would see it.
 */
function useFound(sources: Sources): { readonly found: Found | null; readonly failure: string | null } {
  const [found, setFound] = useState<Found | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => {
    const end = new AbortController()
    async function look(): Promise<number> {
      try {
        setFound(await load(sources))
        setFailure(null)
        return REFRESH_MS
      } catch (error) {
        setFailure(failureWords(error))
        return RETRY_MS
      }
    }
    async function follow(): Promise<void> {
      while (!end.signal.aborted) await sleep(await look(), end.signal)
    }
    void follow()
    return () => end.abort()
  }, [])
  return { found, failure }
}

function QuestionCard(props: { match: Match; answered: boolean; onOpen: () => void; onMute: () => void }) {
  const say = words.questions
  const { question, offers } = props.match
  const { incidentType } = question.request.payload.latchkey
  const { window } = question.request.payload.authorization_details[0]!
  return (
    <li class="card">
      <h2>{say.by(question.agency.name)}</h2>
      <p>{words.incidents[incidentType] ?? incidentType}</p>
      <p class="soft">{say.window(momentWords(window.startMs), momentWords(window.endMs))}</p>
      <p>{say.clips(offers.length)}</p>
      {props.answered && <p class="soft">{say.answered}</p>}
      <p class="row">
        <Button onClick={props.onOpen}>{say.look}</Button>
        <Button onClick={props.onMute}>{say.mute}</Button>
      </p>
    </li>
  )
}

/** Whether to be asked: off until somebody turns it on. */
function OptIn({ choices, onChoices }: { choices: SettingsChoices; onChoices: (next: SettingsChoices) => void }) {
  const say = words.questions
  const { requests } = choices
  const change = (next: Partial<SettingsChoices['requests']>): void =>
    onChoices({ ...choices, requests: { ...requests, ...next } })
  return (
    <section class="card">
      {!requests.on && <h2>{say.off}</h2>}
      <p>{requests.on ? say.onText : say.offText}</p>
      <p>
        <Button onClick={() => change({ on: !requests.on })}>{requests.on ? say.turnOff : say.on}</Button>
      </p>
      {requests.muted.map((uri) => (
        <p key={uri} class="row">
          <span>{say.muted(uri)}</span>
          <Button onClick={() => change({ muted: requests.muted.filter((other) => other !== uri) })}>
            {say.unmute}
          </Button>
        </p>
      ))}
    </section>
  )
}

/** What people who investigate ask this household, if it wants to be asked. */
export function QuestionsPage(props: {
  home: Home
  outbox: Outbox
  database: Database
  log: LogKeeper
  choices: SettingsChoices
  onChoices: (next: SettingsChoices) => void
  onShared: () => void
}) {
  const { home, choices } = props
  const { found, failure } = useFound(props)
  const clips = useClips(props)
  const [open, setOpen] = useState<Match | null>(null)
  const [answered, setAnswered] = useState<ReadonlySet<string>>(new Set())
  const say = words.questions
  const isPaused = pausedUntil(choices, nowMs()) !== null
  const mute = (uri: string): void => {
    const { requests } = choices
    props.onChoices({ ...choices, requests: { ...requests, muted: [...requests.muted, uri] } })
  }
  const matches = useMemo(
    () =>
      found === null || clips === null ? null : matchQuestions(choices, { asked: found.asked, clips }, found.context),
    [found, clips, choices],
  )
  useEffect(
    () => void props.outbox.list().then((kept) => setAnswered(new Set(kept.map(({ request }) => request)))),
    [open],
  )
  if (open !== null && found !== null && found.areRulesLogged)
    return (
      <DecidePage
        home={home}
        database={props.database}
        outbox={props.outbox}
        question={open.question}
        offers={open.offers}
        seen={found.seen}
        onDone={(shared) => {
          setOpen(null)
          if (shared) props.onShared()
        }}
      />
    )
  return (
    <>
      <Title>{say.title}</Title>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {found?.isLogFalse && <Alert wrong>{words.shared.distrust}</Alert>}
      <OptIn choices={choices} onChoices={props.onChoices} />
      {found?.areRulesLogged === false && <Alert wrong>{say.policyUnlogged}</Alert>}
      {choices.requests.on && <Pause choices={choices} onChoices={props.onChoices} />}
      {choices.requests.on && !isPaused && found?.areRulesLogged && matches?.length === 0 && <p>{say.none}</p>}
      {choices.requests.on && found !== null && found.refused > 0 && <Alert>{say.refused(found.refused)}</Alert>}
      {choices.requests.on &&
        found?.unlogged.map((uri) => (
          <Alert key={uri} wrong>
            {say.unlogged(uri)}
          </Alert>
        ))}
      {choices.requests.on && (
        <ul class="plain">
          {matches?.map((match) => (
            <QuestionCard
              key={match.question.request.digest}
              match={match}
              answered={answered.has(match.question.request.digest)}
              onOpen={() => setOpen(match)}
              onMute={() => mute(match.question.agency.uri)}
            />
          ))}
        </ul>
      )}
    </>
  )
}
