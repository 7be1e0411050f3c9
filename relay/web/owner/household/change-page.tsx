import type { Keyset } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { changeHousehold } from './change-household.ts'
import type { Home } from './home.ts'

/** A change that its owner is asked about once more, in words. */
export interface AskedChange {
  readonly title: string
  readonly text: readonly string[]
  readonly yes: string
  /** Of the household as it is once somebody said yes. */
  readonly change: (home: Home) => Partial<Pick<Keyset['latchkey'], 'members' | 'quorum'>>
  /** Once it counts. */
  readonly after?: () => void
}

/** Asks once, says what it means, signs. */
export function ChangePage(props: { asked: AskedChange; look: () => Promise<Home>; onDone: () => void }) {
  const { asked } = props
  const [busy, setBusy] = useState(false)
  const [failure, setFailure] = useState<string | null>(null)
  async function change(): Promise<void> {
    setBusy(true)
    try {
      // Another phone may have changed it since.
      const home = await props.look()
      const outcome = await changeHousehold(home, asked.change(home))
      await props.look()
      if (outcome === 'counts') asked.after?.()
      props.onDone()
    } catch (error) {
      setFailure(failureWords(error))
      setBusy(false)
    }
  }
  return (
    <>
      <Title>{asked.title}</Title>
      <section class="card">
        {asked.text.map((line) => (
          <p key={line}>{line}</p>
        ))}
        {failure !== null && <Alert wrong>{failure}</Alert>}
        <p class="row">
          <Button disabled={busy} onClick={props.onDone}>
            {words.app.back}
          </Button>
          <Button main disabled={busy} onClick={() => void change()}>
            {asked.yes}
          </Button>
        </p>
      </section>
    </>
  )
}
