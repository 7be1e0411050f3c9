import { useState } from 'preact/hooks'
import { Alert, Button, Heading } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'

/** Asks once, says what it means, and deletes. */
export function ClipDeletion({ onDelete }: { onDelete: () => Promise<void> }) {
  const [asking, setAsking] = useState(false)
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.clips
  async function remove(): Promise<void> {
    setBusy(true)
    try {
      await onDelete()
    } catch (error) {
      setFailure(failureWords(error))
      setBusy(false)
    }
  }
  if (!asking) return <Button onClick={() => setAsking(true)}>{say.delete}</Button>
  return (
    <section class="card asking">
      <Heading>{say.deleteTitle}</Heading>
      <p>{say.deleteWhy}</p>
      <p>{say.deleteShared}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <p class="row">
        <Button disabled={busy} onClick={() => setAsking(false)}>
          {say.deleteNo}
        </Button>
        <Button main disabled={busy} onClick={() => void remove()}>
          {busy ? say.deleting : say.deleteYes}
        </Button>
      </p>
    </section>
  )
}
