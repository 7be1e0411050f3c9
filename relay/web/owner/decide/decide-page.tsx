import type { ItemDescriptor, Policy, Seen } from '@latchkey/shared'
import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Select, Title } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import type { Question } from '../questions/load-questions.ts'
import { failureWords } from '../words/failure.ts'
import { clockWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { type AboutYou, AboutYouCard, detailsOf, unfinished } from './about-you.tsx'
import type { Choice } from './decision.ts'
import { TheCase, WhereAndWhen, WhoAsks } from './facts.tsx'
import type { Offer } from './offer.ts'
import type { Outbox } from './outbox.ts'
import { Preview } from './preview.tsx'
import { Recap } from './recap.tsx'
import { type Trim, TrimStrip } from './trim.tsx'

const secondsOf = (pieces: readonly ItemDescriptor[]): string =>
  (pieces.reduce((sum, { durationMs }) => sum + durationMs, 0) / 1000).toFixed(1)

const endOf = (pieces: readonly ItemDescriptor[]): number => pieces.at(-1)!.startMs + pieces.at(-1)!.durationMs

function WhatIsSent(props: {
  home: Home
  database: Database
  offers: readonly Offer[]
  chosen: number
  trim: Trim
  onChoose: (offer: number) => void
  onTrim: (trim: Trim) => void
}) {
  const say = words.decide
  const { pieces, clip } = props.offers[props.chosen]!
  const sent = pieces.slice(props.trim[0], props.trim[1] + 1)
  return (
    <section class="card">
      <h2>{say.send}</h2>
      {props.offers.length > 1 && (
        <Select
          label={say.chooseClip}
          value={props.chosen}
          options={props.offers.map((offer, at) => [
            at,
            say.clip(clockWords(offer.pieces[0]!.startMs), clockWords(endOf(offer.pieces))),
          ])}
          onChange={props.onChoose}
        />
      )}
      <Preview
        key={clip.clip}
        home={props.home}
        database={props.database}
        entry={clip}
        pieces={sent.map(({ index }) => index)}
      />
      <TrimStrip pieces={pieces} trim={props.trim} onTrim={props.onTrim} />
      <p>{say.pieces(sent.length, secondsOf(sent))}</p>
      <p>{say.noSound}</p>
      <p>{say.noExtras}</p>
    </section>
  )
}

function HowLong({
  promised,
  policy,
  days,
  onDays,
}: {
  promised: number
  policy: Policy
  days: number
  onDays: (days: number) => void
}) {
  const say = words.decide
  const options = [...new Set([...policy.retentionDays.selectable, promised])]
    .filter((count) => count <= promised)
    .sort((a, b) => a - b)
  return (
    <section class="card">
      <h2>{say.keep}</h2>
      <Select
        label={say.promised(promised)}
        value={days}
        options={options.map((count) => [count, say.days(count)])}
        onChange={onDays}
      />
    </section>
  )
}

/** What was decided not to be done: as many steps as the other way. */
function Declined({ onDone }: { onDone: () => void }) {
  const say = words.decide.no
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        <p>{say.text}</p>
        <p class="soft">{say.again}</p>
        <Button main onClick={onDone}>
          {say.done}
        </Button>
      </section>
    </>
  )
}

function Ask(props: { children: ComponentChildren; onShare: () => void; onDecline: () => void }) {
  const say = words.decide
  return (
    <>
      {props.children}
      <section class="card">
        <p class="question-note">{say.question}</p>
        <div class="equal">
          <Button onClick={props.onDecline}>{say.dontShare}</Button>
          <Button onClick={props.onShare}>{say.share}</Button>
        </div>
      </section>
    </>
  )
}

/** One question, on one screen, in reading order; then a recap; then the signature. */
export function DecidePage(props: {
  home: Home
  database: Database
  outbox: Outbox
  question: Question
  offers: readonly Offer[]
  seen: Seen
  onDone: (shared: boolean) => void
}) {
  const { home, question, offers } = props
  const { policy } = question
  const promised = question.request.payload.latchkey.retentionDays
  const [chosen, setChosen] = useState(0)
  const [trim, setTrim] = useState<Trim>([0, offers[0]!.pieces.length - 1])
  const [days, setDays] = useState(promised)
  const [about, setAbout] = useState<AboutYou>({})
  const [missing, setMissing] = useState(false)
  const [step, setStep] = useState<'read' | 'recap' | 'declined'>('read')
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => scrollTo(0, 0), [step])
  const offer = offers[chosen]!
  if (step === 'declined') return <Declined onDone={() => props.onDone(false)} />
  if (step === 'recap') {
    const items = offer.pieces.slice(trim[0], trim[1] + 1).map(({ index }) => index)
    const choice: Choice = {
      question,
      clip: offer.clip,
      items,
      retentionDays: days,
      about: detailsOf(about),
      seen: props.seen,
    }
    return (
      <Recap
        home={home}
        outbox={props.outbox}
        choice={choice}
        onBack={() => setStep('read')}
        onSigned={() => props.onDone(true)}
        onFailed={(error) => {
          setFailure(failureWords(error))
          setStep('read')
        }}
      />
    )
  }
  function share(): void {
    setMissing(unfinished(about))
    if (!unfinished(about)) setStep('recap')
  }
  return (
    <Ask onShare={share} onDecline={() => setStep('declined')}>
      <Title>{words.decide.title(question.agency.name)}</Title>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <WhoAsks question={question} />
      <TheCase question={question} />
      <WhereAndWhen question={question} door={home.place} />
      <WhatIsSent
        home={home}
        database={props.database}
        offers={offers}
        chosen={chosen}
        trim={trim}
        onTrim={setTrim}
        onChoose={(next) => {
          setChosen(next)
          setTrim([0, offers[next]!.pieces.length - 1])
        }}
      />
      <AboutYouCard about={about} missing={missing} onAbout={setAbout} />
      <HowLong promised={promised} policy={policy} days={days} onDays={setDays} />
    </Ask>
  )
}
