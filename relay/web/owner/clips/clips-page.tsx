import { useEffect, useState } from 'preact/hooks'
import { Title } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import { words } from '../words/words.ts'
import { ClipView } from './clip-view.tsx'
import { ClipsList } from './clips-list.tsx'
import { type ClipsSession, clipsSessionOf } from './clips-session.ts'

/** The clip that the address names; `null` for the list. */
const clipOf = (hash: string): string | null => /^#\/clips\/([A-Za-z0-9_-]{22})$/.exec(hash)?.[1] ?? null

/** What this household's doorbells recorded. */
export function ClipsPage({ home, database }: { home: Home; database: Database }) {
  const [session, setSession] = useState<ClipsSession | null>(null)
  const [clip, setClip] = useState(clipOf(location.hash))
  const [news, setNews] = useState<string | null>(null)
  useEffect(() => void clipsSessionOf(home, database).then(setSession), [home.keyset])
  useEffect(() => {
    const follow = (): void => {
      const next = clipOf(location.hash)
      setClip(next)
      if (next !== null) setNews(null)
    }
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  if (session === null) return <Title>{words.clips.title}</Title>
  if (clip === null) return <ClipsList key="list" session={session} news={news} />
  return (
    <ClipView
      key={clip}
      session={session}
      clip={clip}
      onDeleted={(said) => {
        setNews(said)
        location.hash = '#/clips'
      }}
    />
  )
}
