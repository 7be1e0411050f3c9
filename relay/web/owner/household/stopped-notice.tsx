import { useState } from 'preact/hooks'
import { Button } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import { words } from '../words/words.ts'

/** On a phone whose restoration somebody objected to: it may begin again, and forgets everything first. */
export function StoppedNotice({ database }: { database: Database }) {
  const [busy, setBusy] = useState(false)
  const say = words.restore.stopped
  async function forget(): Promise<void> {
    setBusy(true)
    await database.deleteAll(await database.names(''))
    location.replace('/')
  }
  return (
    <section class="card asking" role="alert">
      <h2>{say.title}</h2>
      <p>{say.text}</p>
      <p class="soft small">{say.why}</p>
      <Button disabled={busy} onClick={() => void forget()}>
        {say.forget}
      </Button>
    </section>
  )
}
