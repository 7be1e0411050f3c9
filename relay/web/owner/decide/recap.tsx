import { consent, type FetchedHeader } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import { nowMs } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { ToldAboutYou } from './about-you.tsx'
import { type Choice, loadHeaders, renderDecision, signDecision } from './decision.ts'
import type { Outbox } from './outbox.ts'

/** The words name times, and the relay wants the whole time for taking back: they are renewed before they are old. */
const RENEW_MS = 30_000

const seconds = (): number => Math.floor(nowMs() / 1000)

/** The exact words, then the signature over exactly these words. */
export function Recap(props: {
  home: Home
  outbox: Outbox
  choice: Choice
  onBack: () => void
  onSigned: () => void
  onFailed: (error: unknown) => void
}) {
  const { home, choice, outbox } = props
  const [at, setAt] = useState(seconds)
  const [renewed, setRenewed] = useState(false)
  const [headers, setHeaders] = useState<ReadonlyMap<number, FetchedHeader> | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const say = words.decide.recap
  const notice = renderDecision(home, choice, at)
  useEffect(() => {
    loadHeaders(home, choice.clip.clip)
      .then(setHeaders)
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [])
  useEffect(() => {
    const timer = setInterval(() => {
      setAt(seconds())
      setRenewed(true)
    }, RENEW_MS)
    return () => clearInterval(timer)
  }, [])
  async function sign(): Promise<void> {
    if (headers === null) return
    setBusy(true)
    try {
      const built = await signDecision(home, choice, { headers, shown: { notice, nowSeconds: at } })
      await outbox.keep({
        digest: consent.parse(built.submission.consent).digest,
        submission: built.submission,
        notice: built.notice,
        agencyName: choice.question.agency.name,
        clip: choice.clip.clip,
        request: choice.question.request.digest,
        signedMs: nowMs(),
      })
      void outbox.flush()
      props.onSigned()
    } catch (error) {
      props.onFailed(error)
    }
  }
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.text}</p>
      <section class="card">
        <pre class="notice">{notice}</pre>
      </section>
      <ToldAboutYou details={choice.about} />
      <p class="soft small" role="status">
        {renewed ? say.renewed : ''}
      </p>
      <p>{say.undo(Math.round(choice.question.policy.consent.undoSeconds / 60))}</p>
      {failure !== null && <Alert wrong>{failure}</Alert>}
      <div class="equal">
        <Button disabled={busy} onClick={props.onBack}>
          {words.app.back}
        </Button>
        <Button disabled={busy || headers === null} onClick={() => void sign()}>
          {busy ? say.signing : say.sign}
        </Button>
      </div>
    </>
  )
}
