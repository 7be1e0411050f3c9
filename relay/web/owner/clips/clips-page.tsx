import { type ClipEntry, clipManifest } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Title } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { loadClips } from './load-clips.ts'

/** What the relay holds for this household, newest first. */
export function ClipsPage({ home }: { home: Home }) {
  const [clips, setClips] = useState<readonly ClipEntry[] | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => {
    loadClips(home)
      .then(setClips)
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [home])
  return (
    <>
      <Title>{words.clips.title}</Title>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {clips?.length === 0 && <p>{words.clips.none}</p>}
      <ul class="plain">
        {clips?.toReversed().map(({ clip, manifest }) => (
          <li key={clip} class="card">
            {momentWords(clipManifest.parse(manifest).payload.latchkey.startMs)}
          </li>
        ))}
      </ul>
    </>
  )
}
