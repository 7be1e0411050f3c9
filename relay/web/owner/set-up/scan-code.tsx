import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { type CameraTrouble, closeCamera, openCamera, watchForCode } from './code-camera.ts'

/** What is said about one kind of code. */
export interface CodeWords {
  readonly why: string
  readonly scan: string
  readonly view: string
  readonly hold: string
  /** It is a code, of another kind. */
  readonly other: string
}

/** The camera's picture until a code is taken; the camera is off as soon as this is gone. */
function CameraView(props: {
  say: CodeWords
  stream: MediaStream
  take: (text: string) => boolean
  onEnd: () => void
  onFailure: (words: string) => void
}) {
  const video = useRef<HTMLVideoElement>(null)
  const [other, setOther] = useState(false)
  const { say } = props
  useEffect(() => {
    const { stream } = props
    const end = new AbortController()
    video.current!.srcObject = stream
    const take = (text: string): boolean => {
      const isTaken = props.take(text)
      setOther(!isTaken)
      return isTaken
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
        <Button onClick={props.onEnd}>{words.welcome.camera.stop}</Button>
      </p>
    </>
  )
}

/** Scans a code with this phone's camera. @param props.take told of each text that is read; true ends it */
export function ScanCode({ say, take }: { say: CodeWords; take: (text: string) => boolean }) {
  const [stream, setStream] = useState<MediaStream | null>(null)
  const [trouble, setTrouble] = useState<CameraTrouble | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const place = useRef<HTMLDivElement>(null)
  const { camera } = words.welcome
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
              {busy ? camera.asking : say.scan}
            </Button>
          </p>
        </>
      ) : (
        <CameraView
          say={say}
          stream={stream}
          take={take}
          onEnd={end}
          onFailure={(said) => {
            setFailure(said)
            end()
          }}
        />
      )}
      {trouble !== null && <Alert>{camera.trouble[trouble]}</Alert>}
      {failure !== null && <Alert wrong>{failure}</Alert>}
    </div>
  )
}
