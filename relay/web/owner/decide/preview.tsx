import type { ClipEntry } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { type ClipPieces, createClipPieces } from '../clips/clip-pieces.ts'
import { clipsSessionOf } from '../clips/clips-session.ts'
import { ClipVideo } from '../clips/clip-video.tsx'
import { claimsOf, listedClipOf } from '../clips/listed-clip.ts'
import type { Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'

/** Exactly what would be sent: the chosen pieces and nothing else of the clip. */
function onlyPieces(entry: ClipEntry, pieces: readonly number[]): ClipEntry {
  const chosen = new Set(pieces)
  return { ...entry, descriptors: entry.descriptors.filter(({ index, kind }) => kind === 'init' || chosen.has(index)) }
}

/** Looking is free to leave out: until it is asked for, nothing of the video is fetched. */
export function Preview(props: { home: Home; database: Database; entry: ClipEntry; pieces: readonly number[] }) {
  const { home, database, entry } = props
  const [asked, setAsked] = useState(false)
  const [clip, setClip] = useState<ClipPieces | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const shown = props.pieces.join()
  useEffect(() => {
    if (!asked) return undefined
    const end = new AbortController()
    setClip(null)
    clipsSessionOf(home, database)
      .then(({ items }) => setClip(createClipPieces(listedClipOf(onlyPieces(entry, props.pieces)), items, end.signal)))
      .catch((error: unknown) => setFailure(failureWords(error)))
    return () => end.abort()
  }, [asked, entry.clip, shown])
  const claims = claimsOf(listedClipOf(entry))
  if (!asked || claims === null) return <Button onClick={() => setAsked(true)}>{words.decide.preview}</Button>
  return (
    <>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {clip !== null && (
        <ClipVideo key={shown} clip={clip} claims={claims} meta={null} label={words.decide.send} isPaused />
      )}
    </>
  )
}
