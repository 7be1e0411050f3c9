import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { loadClips } from '../clips/load-clips.ts'
import { DecidePage } from '../decide/decide-page.tsx'
import type { Outbox } from '../decide/outbox.ts'
import type { Home } from '../household/home.ts'
import type { Settings } from '../settings/settings.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { loadQuestions, type Questions } from './load-questions.ts'
import { type Match, matchQuestions } from './match.ts'

/** A question stands for days; a minute is soon enough. */
const REFRESH_MS = 60_000

type Found = Pick<Questions, 'policy' | 'refused'> & { readonly matches: readonly Match[] }

/** Fetches everything that is asked here and everything that was recorded, and keeps what fits. */
async function findMatches(home: Home, muted: readonly string[]): Promise<Found> {
  const [{ asked, policy, refused }, clips] = await Promise.all([loadQuestions(home), loadClips(home)])
  const heard = asked.filter(({ agency }) => !muted.includes(agency.uri))
  return { policy, refused, matches: matchQuestions(heard, home.place, clips) }
}

function QuestionCard({ match, answered, onOpen }: { match: Match; answered: boolean; onOpen: () => void }) {
  const say = words.questions
  const { question, offers } = match
  const { incidentType } = question.request.payload.latchkey
  const { window } = question.request.payload.authorization_details[0]!
  return (
    <li class="card">
      <h2>{say.by(question.agency.name)}</h2>
      <p>{words.incidents[incidentType] ?? incidentType}</p>
      <p class="soft">{say.window(momentWords(window.startMs), momentWords(window.endMs))}</p>
      <p>{say.clips(offers.length)}</p>
      {answered && <p class="soft">{say.answered}</p>}
      <Button onClick={onOpen}>{say.look}</Button>
    </li>
  )
}

/** Whether to be asked: off until somebody turns it on. */
function OptIn({ settings, onSettings }: { settings: Settings; onSettings: (next: Settings) => void }) {
  const say = words.questions
  return (
    <section class="card">
      {!settings.questions && <h2>{say.off}</h2>}
      <p>{settings.questions ? say.onText : say.offText}</p>
      <Button onClick={() => onSettings({ ...settings, questions: !settings.questions })}>
        {settings.questions ? say.turnOff : say.on}
      </Button>
    </section>
  )
}

/** What people who investigate ask this household, if it wants to be asked. */
export function QuestionsPage(props: {
  home: Home
  outbox: Outbox
  settings: Settings
  onSettings: (next: Settings) => void
  onShared: () => void
}) {
  const { home, settings } = props
  const [found, setFound] = useState<Found | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [open, setOpen] = useState<Match | null>(null)
  const [answered, setAnswered] = useState<ReadonlySet<string>>(new Set())
  const say = words.questions
  useEffect(() => {
    const refresh = (): void =>
      void findMatches(home, settings.muted)
        .then((next) => {
          setFound(next)
          setFailure(null)
        })
        .catch((error: unknown) => setFailure(failureWords(error)))
    refresh()
    const timer = setInterval(refresh, REFRESH_MS)
    void props.outbox.list().then((kept) => setAnswered(new Set(kept.map(({ request }) => request))))
    return () => clearInterval(timer)
  }, [settings, open])
  if (open !== null && found !== null)
    return (
      <DecidePage
        home={home}
        outbox={props.outbox}
        question={open.question}
        offers={open.offers}
        policy={found.policy}
        seen={null}
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
      <OptIn settings={settings} onSettings={props.onSettings} />
      {settings.questions && found?.matches.length === 0 && <p>{say.none}</p>}
      {settings.questions && found !== null && found.refused > 0 && <Alert>{say.refused(found.refused)}</Alert>}
      {settings.questions && (
        <ul class="plain">
          {found?.matches.map((match) => (
            <QuestionCard
              key={match.question.request.digest}
              match={match}
              answered={answered.has(match.question.request.digest)}
              onOpen={() => setOpen(match)}
            />
          ))}
        </ul>
      )}
    </>
  )
}
