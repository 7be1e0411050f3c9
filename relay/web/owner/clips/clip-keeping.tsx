import type { ClipList } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { DAY_MS } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { dayWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { ClipsSession } from './clips-session.ts'
import type { ListedClip } from './listed-clip.ts'

/** Until when the clip stays, by the relay's word; owners may keep it for as long as any clip is kept. */
export function ClipKeeping(props: { clip: ListedClip; days: ClipList['days']; session: ClipsSession }) {
  const { clip, days, session } = props
  const { kept } = clip
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.clips
  const after = (count: number): string => dayWords(clip.entry.receivedMs + count * DAY_MS)
  async function change(): Promise<void> {
    setBusy(true)
    setFailure(null)
    await session.keep(clip.clip, !kept).catch((error: unknown) => setFailure(failureWords(error)))
    setBusy(false)
  }
  return (
    <section class="keeping">
      <p class="soft" role="status">
        {kept ? say.endsKept(after(days.kept), days.kept) : say.endsUsual(after(days.usual), days.usual)}
      </p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {session.role === 'owner' && days.kept > days.usual && (
        <Button disabled={busy} onClick={() => void change()}>
          {busy ? say.keeping : kept ? say.keepNot : say.keep(after(days.kept))}
        </Button>
      )}
    </section>
  )
}
