import { codeOf, type PairingInvitation } from '@latchkey/shared'
import { createRecoverySheet, type RecoverySheet } from '@latchkey/shared/recovery'
import { useState } from 'preact/hooks'
import { Alert, Button, Field, Title } from '../../kit/parts.tsx'
import { foundHousehold } from '../household/found-household.ts'
import type { Home, Place } from '../household/home.ts'
import { createPhoneKeys, type PhoneKeys } from '../keys/phone-keys.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { ChoosePlace } from './choose-place.tsx'
import { ConfirmSheet, ShowSheet } from './show-sheet.tsx'
import { Welcome } from './welcome.tsx'

/** What exists before the relay knows of the household. It lives in this page's memory only: closing it loses nothing. */
interface Beginning {
  readonly place: Place
  readonly keys: PhoneKeys
  readonly sheet: RecoverySheet
}

function Founding(props: { beginning: Beginning; invitation: PairingInvitation; onHome: (home: Home) => void }) {
  const [failure, setFailure] = useState<{ words: string; asks: boolean } | null>(null)
  const [busy, setBusy] = useState(false)
  const [code, setCode] = useState('')
  const say = words.sheet
  async function found(): Promise<void> {
    setBusy(true)
    setFailure(null)
    try {
      const { relay, logVkey } = props.invitation
      const invitation = code.trim() === '' ? null : code.trim()
      props.onHome(await foundHousehold({ ...props.beginning, relay, logVkey, invitation }))
    } catch (error) {
      setFailure({ words: failureWords(error), asks: codeOf(error) === 'ENROLMENT_CLOSED' })
      setBusy(false)
    }
  }
  if (!busy && failure === null) void found()
  return (
    <>
      <Title>{say.founding}</Title>
      {failure !== null && (
        <section class="card">
          <Alert wrong>{failure.words}</Alert>
          {failure.asks && <Field label={say.invitation} hint={say.invitationHint} value={code} onInput={setCode} />}
          <Button main disabled={busy} onClick={() => void found()}>
            {words.app.again}
          </Button>
        </section>
      )}
    </>
  )
}

/** From an empty phone to a household: browser, place, sheet, its confirmation, the relay. */
export function SetUp(props: {
  invitation: PairingInvitation | null
  onHome: (home: Home, invitation: PairingInvitation) => void
  onRestore: () => void
}) {
  const [invitation, setInvitation] = useState(props.invitation)
  const [begun, setBegun] = useState(false)
  const [beginning, setBeginning] = useState<Beginning | null>(null)
  const [paper, setPaper] = useState<'show' | 'confirm' | 'confirmed'>('show')
  if (!begun || invitation === null)
    return (
      <Welcome
        invitation={invitation}
        onCode={setInvitation}
        onBegin={() => setBegun(true)}
        onRestore={props.onRestore}
      />
    )
  if (beginning === null)
    return (
      <ChoosePlace
        onPlace={(place) =>
          void createPhoneKeys().then((keys) => setBeginning({ place, keys, sheet: createRecoverySheet() }))
        }
      />
    )
  if (paper === 'show') return <ShowSheet sheet={beginning.sheet} at={invitation} onDone={() => setPaper('confirm')} />
  if (paper === 'confirm')
    return <ConfirmSheet sheet={beginning.sheet} onBack={() => setPaper('show')} onDone={() => setPaper('confirmed')} />
  return <Founding beginning={beginning} invitation={invitation} onHome={(home) => props.onHome(home, invitation)} />
}
