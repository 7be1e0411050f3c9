import { parsePairingUrl, type PairingInvitation } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Button, Field, Heading } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'
import { ScanCode } from './scan-code.tsx'

type OnCode = (invitation: PairingInvitation) => void

function invitationOf(text: string): PairingInvitation | null {
  try {
    return parsePairingUrl(text.trim())
  } catch {
    return null
  }
}

/** Takes the address by hand where no camera can scan it. */
function TypeCode({ onCode }: { onCode: OnCode }) {
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState(false)
  const { scan } = words.welcome
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        const invitation = invitationOf(text)
        if (invitation === null) setWrong(true)
        else onCode(invitation)
      }}
    >
      <Field
        label={scan.label}
        hint={scan.hint}
        value={text}
        wrong={wrong ? scan.bad : null}
        inputMode="url"
        onInput={(value) => {
          setText(value)
          setWrong(false)
        }}
      />
      <Button submit>{scan.use}</Button>
    </form>
  )
}

/** A doorbell's code: by the camera, or typed. */
export function DoorbellCode({ lead, onCode }: { lead: string; onCode: OnCode }) {
  function take(text: string): boolean {
    const invitation = invitationOf(text)
    if (invitation !== null) onCode(invitation)
    return invitation !== null
  }
  return (
    <>
      <p>{lead}</p>
      {'mediaDevices' in navigator && <ScanCode say={words.welcome.camera} take={take} />}
      <TypeCode onCode={onCode} />
    </>
  )
}

/** Another doorbell for a household that has one. */
export function AddDoorbell({ onCode }: { onCode: OnCode }) {
  const [open, setOpen] = useState(false)
  const say = words.welcome.another
  return (
    <section class="card">
      {open ? <Heading>{say.title}</Heading> : <h2>{say.title}</h2>}
      {open ? (
        <DoorbellCode lead={say.lead} onCode={onCode} />
      ) : (
        <Button onClick={() => setOpen(true)}>{say.add}</Button>
      )}
    </section>
  )
}
