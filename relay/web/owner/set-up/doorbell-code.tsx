import { parsePairingUrl, type PairingInvitation } from '@latchkey/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button, Field, Heading } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { type CameraTrouble, closeCamera, openCamera, watchForCode } from './code-camera.ts'

type OnCode = (invitation: PairingInvitation) => void

function invitationOf(text: string): PairingInvitation | null {
  try {
    return parsePairingUrl(text.trim())
  } catch {
    return null
  }
}

/** The camera's picture until a doorbell's code is in it; the camera is off as soon as this is gone. */
function CameraView(props: {
  stream: MediaStream
  onCode: OnCode
  onEnd: () => void
  onFailure: (words: string) => void
}) {
  const video = useRef<HTMLVideoElement>(null)
  const [other, setOther] = useState(false)
  const say = words.welcome.camera
  useEffect(() => {
    const { stream } = props
    const end = new AbortController()
    video.current!.srcObject = stream
    const take = (text: string): boolean => {
      const invitation = invitationOf(text)
      setOther(invitation === null)
      if (invitation !== null) props.onCode(invitation)
      return invitation !== null
    }
    watchForCode(video.current!, take, end.signal).catch((error: unknown) => props.onFailure(failureWords(error)))
    // Who looks at another app does not want to be looked at by this one.
    const hide = (): void => {
      if (document.hidden) props.onEnd()
    }
    document.addEventListener('visibilitychange', hide)
    return () => {
      document.removeEventListener('visibilitychange', hide)
      end.abort()
      closeCamera(stream)
    }
  }, [])
  return (
    <>
      <video ref={video} class="camera" autoplay muted playsInline aria-label={say.view} />
      <p role="status">{other ? say.other : say.hold}</p>
      <p>
        <Button onClick={props.onEnd}>{say.stop}</Button>
      </p>
    </>
  )
}

/** Scans a doorbell's code. */
function ScanCode({ onCode }: { onCode: OnCode }) {
  const [stream, setStream] = useState<MediaStream | null>(null)
  const [trouble, setTrouble] = useState<CameraTrouble | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const place = useRef<HTMLDivElement>(null)
  const say = words.welcome.camera
  // The button that was pressed is gone: who uses no mouse goes on from here.
  const stand = (): void => place.current?.focus()
  async function start(): Promise<void> {
    setBusy(true)
    setTrouble(null)
    setFailure(null)
    const opened = await openCamera()
    setBusy(false)
    if (typeof opened === 'string') setTrouble(opened)
    else {
      setStream(opened)
      stand()
    }
  }
  const end = (): void => {
    setStream(null)
    stand()
  }
  return (
    <div ref={place} tabIndex={-1} class="scan">
      {stream === null ? (
        <>
          <p class="soft">{say.why}</p>
          <p>
            <Button main disabled={busy} onClick={() => void start()}>
              {busy ? say.asking : say.scan}
            </Button>
          </p>
        </>
      ) : (
        <CameraView
          stream={stream}
          onCode={onCode}
          onEnd={end}
          onFailure={(said) => {
            setFailure(said)
            end()
          }}
        />
      )}
      {trouble !== null && <Alert>{say.trouble[trouble]}</Alert>}
      {failure !== null && <Alert wrong>{failure}</Alert>}
    </div>
  )
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
  return (
    <>
      <p>{lead}</p>
      {'mediaDevices' in navigator && <ScanCode onCode={onCode} />}
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
