import { codeOf, isSheetRelayCode, type SheetRelay } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button, Field, Title } from '../../kit/parts.tsx'
import { findSheetRelay } from '../household/restore-household.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'

/** The origin that somebody means; null when it is none. */
function originOf(text: string): string | null {
  const trimmed = text.trim()
  try {
    const { origin, protocol } = new URL(/^https?:\/\//iu.test(trimmed) ? trimmed : `https://${trimmed}`)
    return trimmed !== '' && protocol.startsWith('http') ? origin : null
  } catch {
    return null
  }
}

const CODE = /^[0-9A-Za-z]{16}$/

function wordsOf(error: unknown): string {
  const say = words.restore.relay
  const code = codeOf(error)
  if (code === 'KEY_INVALID') return say.differs
  return code === 'UNAVAILABLE' ? say.unreachable : failureWords(error)
}

/** Which relay a typed sheet means, made sure of by its code before anything of the sheet is used there. */
export function SheetPlace({ onPlace, onBack }: { onPlace: (at: SheetRelay) => void; onBack: () => void }) {
  const [address, setAddress] = useState('')
  const [code, setCode] = useState('')
  const [isOld, setOld] = useState(false)
  const [wrong, setWrong] = useState<'address' | 'code' | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const say = words.restore.relay
  async function find(): Promise<void> {
    const relay = originOf(address)
    const isCode = isOld || CODE.test(code.replace(/[\s-]/gu, ''))
    setWrong(relay === null ? 'address' : isCode ? null : 'code')
    if (relay === null || !isCode) return
    setBusy(true)
    setFailure(null)
    try {
      onPlace(await findSheetRelay(relay, (at) => isOld || isSheetRelayCode(code, at)))
    } catch (error) {
      setFailure(wordsOf(error))
      setBusy(false)
    }
  }
  return (
    <form
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        void find()
      }}
    >
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      <section class="card">
        <Field
          label={say.address}
          hint={say.addressHint}
          value={address}
          wrong={wrong === 'address' ? say.addressBad : null}
          inputMode="url"
          onInput={setAddress}
        />
        {!isOld && (
          <Field
            label={say.code}
            hint={say.codeHint}
            value={code}
            wrong={wrong === 'code' ? say.codeBad : null}
            onInput={setCode}
          />
        )}
        <div class="field">
          <label class="tick">
            <input type="checkbox" checked={isOld} onChange={(event) => setOld(event.currentTarget.checked)} />
            {say.old}
          </label>
        </div>
        {isOld && <Alert wrong>{say.oldWhy}</Alert>}
        {failure !== null && <Alert wrong>{failure}</Alert>}
        <p class="row">
          <Button disabled={busy} onClick={onBack}>
            {words.app.back}
          </Button>
          <Button main submit disabled={busy}>
            {words.app.next}
          </Button>
        </p>
      </section>
    </form>
  )
}
