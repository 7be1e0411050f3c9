import { type Member, type SettingsChoices, thumbprintOf } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Digits, Field, Title } from '../../kit/parts.tsx'
import { QrCode } from '../../kit/qr-code.tsx'
import { sleep } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { type Applicant, createPhoneAddition, type PhoneAddition } from './add-phone.ts'
import { chainOf, type Home } from './home.ts'

const LOOK_MS = 1_500

interface Plan {
  readonly name: string
  readonly role: Member['role']
}

function RoleChoice({ role, onRole }: { role: Member['role']; onRole: (role: Member['role']) => void }) {
  const say = words.household.add
  return (
    <fieldset class="choice">
      <legend>{say.role}</legend>
      {(['owner', 'viewer'] as const).map((one) => (
        <label key={one}>
          <input type="radio" name="role" checked={role === one} onChange={() => onRole(one)} />
          {say[one]}
        </label>
      ))}
    </fieldset>
  )
}

function PlanForm({ onPlan, onBack }: { onPlan: (plan: Plan) => void; onBack: () => void }) {
  const [name, setName] = useState('')
  const [role, setRole] = useState<Member['role']>('owner')
  const say = words.household.add
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        onPlan({ name: name.trim().slice(0, 60), role })
      }}
    >
      <Title>{say.title}</Title>
      <p class="alert">{say.why}</p>
      <section class="card">
        <Field label={say.name} hint={say.nameHint} value={name} onInput={setName} />
        <RoleChoice role={role} onRole={setRole} />
        <p class="row">
          <Button onClick={onBack}>{words.app.back}</Button>
          <Button main submit>
            {say.show}
          </Button>
        </p>
      </section>
    </form>
  )
}

function ShowCode({ addition, onApplicant }: { addition: PhoneAddition; onApplicant: (one: Applicant) => void }) {
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.household.add
  useEffect(() => {
    const end = new AbortController()
    addition
      .awaitApplicant(end.signal)
      .then(onApplicant)
      .catch((error: unknown) => end.signal.aborted || setFailure(failureWords(error)))
    return () => end.abort()
  }, [])
  return (
    <>
      <Title>{say.code}</Title>
      <section class="card">
        <QrCode text={addition.url} label={say.code} />
        <p class="soft small">{say.link}</p>
        <p class="mono small">{addition.url}</p>
        {failure === null ? <p role="status">{say.waiting}</p> : <Alert wrong>{failure}</Alert>}
      </section>
    </>
  )
}

function Compare(props: { applicant: Applicant; onSame: () => Promise<void>; onDiffer: () => void }) {
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.household.add
  async function same(): Promise<void> {
    setBusy(true)
    try {
      await props.onSame()
    } catch (error) {
      setFailure(failureWords(error))
      setBusy(false)
    }
  }
  return (
    <>
      <Title>{say.compare}</Title>
      <section class="card">
        <Digits digits={props.applicant.digits} />
        {failure !== null && <Alert wrong>{failure}</Alert>}
        <p class="row">
          <Button disabled={busy} onClick={props.onDiffer}>
            {say.differ}
          </Button>
          <Button main disabled={busy} onClick={() => void same()}>
            {say.same}
          </Button>
        </p>
      </section>
    </>
  )
}

/** Looks until the proposed keyset counts. */
function AwaitPress({ proposed, look, onAdded }: { proposed: string; look: () => Promise<Home>; onAdded: () => void }) {
  const say = words.household.add
  useEffect(() => {
    const end = new AbortController()
    async function wait(): Promise<void> {
      while (!end.signal.aborted) {
        const home = await look().catch(() => null)
        if (home !== null && chainOf(home).some(({ keyset }) => keyset.digest === proposed)) {
          onAdded()
          return
        }
        await sleep(LOOK_MS, end.signal)
      }
    }
    void wait()
    return () => end.abort()
  }, [])
  return (
    <>
      <Title>{say.press}</Title>
      <section class="card">
        <p>{say.pressText}</p>
        <p class="soft">{say.pressWhy}</p>
      </section>
    </>
  )
}

/** The names that the household then knows: the new phone's, and one for this phone if it never had any. */
function withNames(
  choices: SettingsChoices,
  own: string,
  added: { thumbprint: string; name: string },
): SettingsChoices {
  const isNamed = choices.members.some(({ thumbprint }) => thumbprint === own)
  const mine = isNamed ? [] : [{ thumbprint: own, name: words.household.firstPhone }]
  return { ...choices, members: [...choices.members, ...mine, added] }
}

/** From “add a phone” to a phone that belongs to the household. */
export function AddPhonePage(props: {
  home: Home
  /** Thumbprint of this phone. */
  own: string
  choices: SettingsChoices
  onChoices: (next: SettingsChoices) => void
  look: () => Promise<Home>
  onDone: () => void
}) {
  const [plan, setPlan] = useState<Plan | null>(null)
  const [addition] = useState(() => createPhoneAddition(props.home, location.origin))
  const [applicant, setApplicant] = useState<Applicant | null>(null)
  const [differs, setDiffers] = useState(false)
  const [proposed, setProposed] = useState<string | null>(null)
  const [added, setAdded] = useState(false)
  const say = words.household.add
  useEffect(() => {
    // Sealed to the phones in force, of which it is one only now.
    if (!added || applicant === null) return
    const name = plan?.name || words.household.unnamed
    const thumbprint = thumbprintOf(applicant.keys.signingKey)
    props.onChoices(withNames(props.choices, props.own, { thumbprint, name }))
  }, [added])
  if (plan === null) return <PlanForm onPlan={setPlan} onBack={props.onDone} />
  if (applicant === null) return <ShowCode addition={addition} onApplicant={setApplicant} />
  if (differs)
    return (
      <>
        <Title>{say.title}</Title>
        <Alert wrong>{say.differs}</Alert>
        <Button onClick={props.onDone}>{words.app.back}</Button>
      </>
    )
  if (proposed === null)
    return (
      <Compare
        applicant={applicant}
        onDiffer={() => setDiffers(true)}
        onSame={async () => setProposed(await addition.propose(await props.look(), applicant, plan.role))}
      />
    )
  if (!added) return <AwaitPress proposed={proposed} look={props.look} onAdded={() => setAdded(true)} />
  return (
    <>
      <Title>{say.added}</Title>
      <section class="card">
        <p>{say.addedText}</p>
        <Button main onClick={props.onDone}>
          {say.done}
        </Button>
      </section>
    </>
  )
}
