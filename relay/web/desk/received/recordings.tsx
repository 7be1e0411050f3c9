import type { OriginalFile } from '@latchkey/shared'
import { useEffect, useMemo, useState } from 'preact/hooks'
import { Alert } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'

/** One stretch of video, as it was opened. It is shown only when every check passed. */
function Recording({ file, label }: { file: OriginalFile; label: string }) {
  const [unplayable, setUnplayable] = useState(false)
  const url = useMemo(
    () => URL.createObjectURL(new Blob(file.chunks as Uint8Array<ArrayBuffer>[], { type: file.mediaType })),
    [file],
  )
  useEffect(() => () => URL.revokeObjectURL(url), [url])
  if (unplayable) return <Alert wrong>{words.evidence.unplayable}</Alert>
  return (
    <video
      class="recording"
      src={url}
      controls
      muted
      playsInline
      controlsList="nodownload noremoteplayback"
      disablePictureInPicture
      aria-label={label}
      onError={() => setUnplayable(true)}
    />
  )
}

/** The videos among what was opened. */
export function Recordings({ originals }: { originals: readonly OriginalFile[] }) {
  const videos = originals.filter(({ mediaType }) => mediaType === 'video/mp4')
  const say = words.evidence
  if (videos.length === 0) return null
  return (
    <section class="card">
      <h2>{say.watch}</h2>
      {videos.map((file, i) => (
        <Recording key={file.path} file={file} label={say.video(i + 1, videos.length)} />
      ))}
    </section>
  )
}
