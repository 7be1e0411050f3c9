import { type ClipRequest, type Finding, findTemplate, type Policy, templateEntry } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Choice, NumberField, TextArea } from '../../kit/fields.tsx'
import { INCIDENT_WORDS } from '../../kit/incident-words.ts'
import { Alert, Button, Field, Title } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import { type Investigator, parseCertificateFile } from '../who/investigator.ts'
import { loadProvenPolicy } from '../who/public-log.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import {
  type Asker,
  type Draft,
  EMPTY_DRAFT,
  findingsOf,
  loadDraft,
  reasonUnder,
  requestOf,
  saveDraft,
} from './draft.ts'
import { FindingList, findingWords } from './finding-words.tsx'
import { Preview } from './preview.tsx'
import type { Outcome } from './publish.ts'
import { TemplateChanges } from './template-changes.tsx'
import { WhenSection } from './when-section.tsx'
import { WhereSection } from './where-section.tsx'

const MOST_REASON = 600
const MOST_DAYS = 36_500

/** Fields by the member of the request that they become. */
const FIELDS: Readonly<Record<string, readonly (keyof Draft)[]>> = { area: ['corners'], window: ['from', 'to'] }

/** The draft's fields; what is wrong is said of those that were touched. */
function DraftForm(props: {
  draft: Draft
  policy: Policy
  findings: readonly Finding[]
  onChange: (change: Partial<Draft>) => void
}) {
  const { draft, policy, findings, onChange } = props
  const [touched, setTouched] = useState<ReadonlySet<keyof Draft>>(new Set())
  const say = words.ask
  function change(next: Partial<Draft>): void {
    setTouched(new Set([...touched, ...(Object.keys(next) as (keyof Draft)[])]))
    onChange(next)
  }
  function wrong(member: string): string | null {
    const isTouched = (FIELDS[member] ?? [member as keyof Draft]).some((field) => touched.has(field))
    const found = isTouched ? findings.find(({ field }) => field === member) : undefined
    return found === undefined ? null : `${findingWords(found)} ${words.code(found.code)}`
  }
  const incidents = policy.incidentTypes.map((type) => [type, INCIDENT_WORDS[type] ?? type] as const)
  const templates = policy.templates.map(templateEntry).map(({ id }) => [id, findTemplate(id)?.title ?? id] as const)
  const published = findTemplate(draft.template)?.text
  return (
    <>
      <section class="card">
        <h2>{say.sections.case}</h2>
        <Field
          label={say.caseNumber}
          hint={say.caseHint}
          wrong={wrong('caseNumber')}
          value={draft.caseNumber}
          onInput={(caseNumber) => change({ caseNumber })}
        />
        <Choice
          label={say.incident}
          wrong={wrong('incidentType')}
          value={draft.incidentType}
          options={incidents}
          empty={say.choose}
          onChange={(incidentType) => change({ incidentType })}
        />
      </section>
      <section class="card">
        <h2>{say.sections.what}</h2>
        <Choice
          label={say.template}
          hint={say.templateHint}
          wrong={wrong('template')}
          value={draft.template}
          options={templates}
          onChange={(template) => change({ template, reason: reasonUnder(template, draft.reason) })}
        />
        <TextArea
          label={say.reason}
          hint={say.reasonHint(MOST_REASON - draft.reason.length)}
          wrong={wrong('reason')}
          rows={8}
          maxLength={MOST_REASON}
          value={draft.reason}
          onInput={(reason) => change({ reason })}
        />
        {published !== undefined && published !== draft.reason && (
          <p>
            <Button onClick={() => change({ reason: published })}>{say.restore}</Button>
          </p>
        )}
        <h3>{say.changes.title}</h3>
        <TemplateChanges template={draft.template} reason={draft.reason} />
      </section>
      <WhereSection
        corners={draft.corners}
        policy={policy}
        wrong={wrong('area')}
        onCorners={(corners) => change({ corners })}
      />
      <WhenSection draft={draft} policy={policy} wrong={wrong('window')} onWindow={change} />
      <section class="card">
        <h2>{say.sections.keep}</h2>
        <NumberField
          label={say.days}
          hint={say.daysHint}
          wrong={wrong('retentionDays')}
          value={draft.retentionDays}
          min={1}
          max={MOST_DAYS}
          onInput={(retentionDays) => change({ retentionDays })}
        />
        <h2>{say.sections.contact}</h2>
        <Field
          label={say.contact}
          hint={say.contactHint}
          wrong={wrong('contact')}
          value={draft.contact}
          onInput={(contact) => change({ contact })}
        />
      </section>
    </>
  )
}

/** What the relay's own rules say of the draft, as it is written. */
function Verdict({ findings }: { findings: readonly Finding[] }) {
  const say = words.ask
  return (
    <section class="card" aria-live="polite">
      <h2>{say.sections.check}</h2>
      {findings.length === 0 ? <p class="good">{say.clear}</p> : <p>{say.open(findings.length)}</p>}
      <FindingList findings={findings} />
      <p class="soft small">{say.offline}</p>
    </section>
  )
}

function Published(props: { outcome: Extract<Outcome, { kind: 'published' }>; onAnother: () => void }) {
  const { index, isProved } = props.outcome
  const say = words.ask.done
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        <p>{say.text(index)}</p>
        {isProved ? <p class="good">{say.proved}</p> : <Alert wrong>{say.unproved}</Alert>}
        <p>{say.next}</p>
      </section>
      <p class="row">
        <a class="button main" href="#/requests">
          {say.look}
        </a>
        <Button onClick={props.onAnother}>{say.another}</Button>
      </p>
    </>
  )
}

/** The relay's rules, and what was being written. */
function useDraft(database: Database, investigator: Investigator) {
  const [policy, setPolicy] = useState<Policy | null>(null)
  const [draft, setDraft] = useState<Draft | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => {
    void loadDraft(database).then(setDraft)
    loadProvenPolicy(database, investigator)
      .then(setPolicy)
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [investigator])
  function change(next: Draft): void {
    setDraft(next)
    void saveDraft(database, next)
  }
  return { policy, draft, failure, change }
}

/** From an empty form to a request that everybody can read. */
export function AskPage({ database, investigator }: { database: Database; investigator: Investigator }) {
  const { policy, draft, failure, change } = useDraft(database, investigator)
  const [read, setRead] = useState<ClipRequest | null>(null)
  const [outcome, setOutcome] = useState<Extract<Outcome, { kind: 'published' }> | null>(null)
  const say = words.ask
  if (outcome !== null) return <Published outcome={outcome} onAnother={() => setOutcome(null)} />
  if (read !== null)
    return (
      <Preview
        database={database}
        investigator={investigator}
        request={read}
        onBack={() => setRead(null)}
        onPublished={(published) => {
          setRead(null)
          setOutcome(published)
          change(EMPTY_DRAFT)
        }}
      />
    )
  if (failure !== null)
    return (
      <>
        <Title>{say.title}</Title>
        <Alert wrong>{failure}</Alert>
      </>
    )
  if (policy === null || draft === null) return <p role="status">{words.loading}</p>
  const asker: Asker = {
    certificate: parseCertificateFile(investigator.certificate!),
    relay: investigator.relay,
    policy,
  }
  const findings = findingsOf(requestOf(draft, asker), policy)
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      <DraftForm draft={draft} policy={policy} findings={findings} onChange={(next) => change({ ...draft, ...next })} />
      <Verdict findings={findings} />
      <p>
        <Button main disabled={findings.length > 0} onClick={() => setRead(requestOf(draft, asker))}>
          {say.read}
        </Button>
      </p>
      {findings.length > 0 && <p class="soft">{say.notYet}</p>}
    </>
  )
}
