import type { PairingInvitation } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Digits, Steps, Title } from '../../kit/parts.tsx'
import type { Home, PairedDoorbell } from '../household/home.ts'
import { createDoorbellPairing, type PairingStep } from '../household/pair-doorbell.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'

const ORDER: readonly PairingStep[] = ['greeting', 'vouching', 'confirming']

type Outcome = { readonly doorbell: PairedDoorbell; readonly digits: string }

/** Phone and doorbell meet; ends with the six digits that both show. */
export function Pairing(props: {
  home: Home
  invitation: PairingInvitation
  onPaired: (doorbell: PairedDoorbell) => Promise<void>
  onDone: () => void
}) {
  const [step, setStep] = useState<PairingStep>('greeting')
  const [outcome, setOutcome] = useState<Outcome | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [differs, setDiffers] = useState(false)
  const [pairing] = useState(() => createDoorbellPairing(props.home, props.invitation))
  const [attempt, setAttempt] = useState(0)
  const say = words.pairing
  useEffect(() => {
    setFailure(null)
    pairing
      .run(setStep)
      .then(async (paired) => {
        await props.onPaired(paired.doorbell)
        setOutcome(paired)
      })
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [attempt])
  if (outcome !== null)
    return (
      <>
        <Title>{say.done}</Title>
        <section class="card">
          <p>{say.digits}</p>
          <Digits digits={outcome.digits} />
          {differs && <Alert wrong>{say.differs}</Alert>}
          <p class="row">
            <Button onClick={() => setDiffers(true)}>{say.differ}</Button>
            <Button main onClick={props.onDone}>
              {say.same}
            </Button>
          </p>
        </section>
      </>
    )
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        <Steps
          steps={ORDER.map((name, index) => ({
            text: say.steps[name],
            state: index < ORDER.indexOf(step) ? 'done' : name === step ? 'now' : 'later',
          }))}
        />
        {failure !== null && (
          <>
            <Alert wrong>{failure}</Alert>
            <p class="soft">{say.expired}</p>
            <Button onClick={() => setAttempt(attempt + 1)}>{words.app.again}</Button>
          </>
        )}
      </section>
    </>
  )
}
