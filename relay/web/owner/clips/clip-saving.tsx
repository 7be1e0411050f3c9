import type { OriginalFile } from '@latchkey/shared'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import type { ClipPieces } from './clip-pieces.ts'
import { collectClip, fileNameOf, type SavedClip } from './save-clip.ts'

const MEGABYTE = 1_000_000

function FileLink({ file, name }: { file: OriginalFile; name: string }) {
  // Made with the first drawing, not after it: the link is there at once with the words around it.
  const url = useMemo(
    () => URL.createObjectURL(new Blob(file.chunks as Uint8Array<ArrayBuffer>[], { type: file.mediaType })),
    [file],
  )
  useEffect(() => () => URL.revokeObjectURL(url), [url])
  const say = words.clips
  return (
    <li>
      <a class="button main" href={url} download={name}>
        {say.saveFile(name, say.megabytes((file.sizeBytes / MEGABYTE).toFixed(1)))}
      </a>
      <p class="mono soft">{say.fingerprint(file.sha256)}</p>
    </li>
  )
}

function Saved({ saved, camera, offsetMs }: { saved: SavedClip; camera: string | null; offsetMs: number }) {
  const say = words.clips
  const of = saved.files.length
  return (
    <>
      <ul class="files">
        {saved.files.map((file, i) => (
          <FileLink
            key={file.path}
            file={file}
            name={fileNameOf(camera, file.startMs + offsetMs, { number: i + 1, of })}
          />
        ))}
      </ul>
      {of > 1 && <p>{say.savedRuns(of)}</p>}
      {saved.missing > 0 && <Alert wrong>{say.savedMissing(saved.missing)}</Alert>}
      <p class="soft">{say.saved}</p>
    </>
  )
}

/** Opens the whole clip and offers it as the file that the camera made. */
export function ClipSaving({ clip, camera, offsetMs }: { clip: ClipPieces; camera: string | null; offsetMs: number }) {
  const [done, setDone] = useState<number | null>(null)
  const [saved, setSaved] = useState<SavedClip | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.clips
  async function save(): Promise<void> {
    setFailure(null)
    setDone(0)
    try {
      setSaved(await collectClip(clip, setDone))
    } catch (error) {
      setFailure(failureWords(error))
    }
    setDone(null)
  }
  const of = clip.pieces.length
  if (saved !== null) return <Saved saved={saved} camera={camera} offsetMs={offsetMs} />
  if (done !== null)
    return (
      <p>
        <progress aria-label={say.savingLabel} value={done} max={of} /> <span>{say.saving(done, of)}</span>
      </p>
    )
  return (
    <>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <Button disabled={of === 0} onClick={() => void save()}>
        {say.save}
      </Button>
    </>
  )
}
