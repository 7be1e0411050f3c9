import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Database } from '../../kernel/database.ts'
import type { Investigator } from '../who/investigator.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { EvidencePage } from './evidence-page.tsx'
import { GivenCard } from './given-card.tsx'
import { type Given, loadGiven, loadListed } from './inbox.ts'

/** What was given; what this browser holds, and what the relay said last, is there without a network too. */
function useGiven(database: Database, investigator: Investigator) {
  const [given, setGiven] = useState<readonly Given[] | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const listed = useRef<Awaited<ReturnType<typeof loadListed>>>([])
  const looks = useRef(0)
  async function look(): Promise<void> {
    const mine = ++looks.current
    const show = async (said: string | null): Promise<void> => {
      const all = await loadGiven(database, listed.current)
      // An older look that ends later knows less.
      if (mine !== looks.current) return
      setFailure(said)
      setGiven(all)
    }
    try {
      listed.current = await loadListed(investigator)
      await show(null)
    } catch (error) {
      await show(failureWords(error))
    }
  }
  useEffect(() => void look(), [investigator])
  return { given, failure, look }
}

/** What owners gave. What nobody gave leaves no trace here. */
export function ReceivedPage({ database, investigator }: { database: Database; investigator: Investigator }) {
  const { given, failure, look } = useGiven(database, investigator)
  const [open, setOpen] = useState<string | null>(null)
  const say = words.received
  const opened = given?.find(({ digest }) => digest === open)
  if (opened?.download)
    return (
      <EvidencePage
        database={database}
        investigator={investigator}
        digest={opened.digest}
        download={opened.download}
        onBack={() => {
          setOpen(null)
          void look()
        }}
      />
    )
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      {given?.length === 0 && failure === null && <p>{say.none}</p>}
      <ul class="plain">
        {given?.map((one) => (
          <GivenCard
            key={one.digest}
            database={database}
            investigator={investigator}
            given={one}
            onOpen={() => setOpen(one.digest)}
            onChanged={() => void look()}
          />
        ))}
      </ul>
      <p>
        <Button onClick={() => void look()}>{say.look}</Button>
      </p>
    </>
  )
}
