import { codeOf, consent as consentMessage, RECEIVER_KINDS, type ReceiverKind } from '@latchkey/shared'
import { useId, useState } from 'preact/hooks'
import { Choice, Moment, TextArea } from '../../kit/fields.tsx'
import { Alert, Button, Field } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { lineOf, momentOf, momentText } from '../words/field-text.ts'
import { words } from '../words/words.ts'
import { conflictsOf } from './conflicts.ts'
import type { Said } from './entries.ts'
import type { Released } from './released.ts'

const MAX_REASON = 600

interface Fields {
  readonly kind: ReceiverKind | ''
  readonly name: string
  readonly at: string
  readonly purpose: Said['purpose'] | ''
  readonly reason: string
}

const emptyFields = (): Fields => ({ kind: '', name: '', at: momentText(nowMs()), purpose: '', reason: '' })

/** What would be signed; null while something is missing. */
function saidOf({ kind, name, at, purpose, reason }: Fields): Said | null {
  const said = { atMs: momentOf(at), name: lineOf(name), reason: lineOf(reason) }
  if (kind === '' || purpose === '' || Number.isNaN(said.atMs) || said.name === '' || said.reason === '') return null
  return { atMs: said.atMs, receiver: { kind, name: said.name }, purpose, reason: said.reason }
}

function PurposeChoice(props: {
  /** Of the consent. */
  allowed: string
  value: Fields['purpose']
  onChange: (purpose: Said['purpose']) => void
}) {
  const name = useId()
  const say = words.sharedOn
  const asAllowed = say.asAllowed(words.received.purposes[props.allowed] ?? props.allowed)
  const choices = { 'as-allowed': asAllowed, other: say.other } as const
  return (
    <fieldset class="choice">
      <legend>{say.purpose}</legend>
      {(['as-allowed', 'other'] as const).map((value) => (
        <label key={value}>
          <input type="radio" name={name} checked={props.value === value} onChange={() => props.onChange(value)} />
          {choices[value]}
        </label>
      ))}
    </fieldset>
  )
}

/** Against what it goes, before it is signed: never a reason not to sign it. */
function Conflicts({ released, fields }: { released: Released; fields: Fields }) {
  const say = words.sharedOn
  const conflicts = conflictsOf(released, { atMs: momentOf(fields.at), purpose: fields.purpose || 'as-allowed' })
  if (conflicts.length === 0) return null
  return <Alert wrong>{`${conflicts.map((conflict) => say.against[conflict]).join(' ')} ${say.nevertheless}`}</Alert>
}

/** To whom, when, for what and why; signed when it is whole. @param props.onSign resolves once the relay has it */
export function EntryForm({ released, onSign }: { released: Released; onSign: (said: Said) => Promise<void> }) {
  const [fields, setFields] = useState(emptyFields)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.sharedOn
  const said = saidOf(fields)
  const put = (change: Partial<Fields>): void => setFields({ ...fields, ...change })
  async function sign(whole: Said): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      await onSign(whole)
      setFields(emptyFields())
    } catch (error) {
      setFailure(failureWords(error))
      // It is in the list, to be sent again from there.
      if (codeOf(error) === 'UNAVAILABLE') setFields(emptyFields())
    }
    setBusy(false)
  }
  return (
    <>
      <p>{say.why}</p>
      <Choice
        label={say.kind}
        empty={say.choose}
        value={fields.kind}
        options={RECEIVER_KINDS.map((kind) => [kind, say.kinds[kind]])}
        onChange={(kind) => put({ kind: RECEIVER_KINDS.find((known) => known === kind) ?? '' })}
      />
      <Field label={say.name} hint={say.nameHint} value={fields.name} onInput={(name) => put({ name })} />
      <Moment label={say.at} value={fields.at} onInput={(at) => put({ at })} />
      <PurposeChoice
        allowed={consentMessage.parse(released.consent).payload.latchkey.purpose}
        value={fields.purpose}
        onChange={(purpose) => put({ purpose })}
      />
      <Conflicts released={released} fields={fields} />
      <TextArea
        label={say.reason}
        hint={say.reasonHint}
        rows={3}
        maxLength={MAX_REASON}
        value={fields.reason}
        onInput={(reason) => put({ reason })}
      />
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <p>
        <Button disabled={busy || said === null} onClick={() => void sign(said!)}>
          {say.sign}
        </Button>
      </p>
    </>
  )
}
