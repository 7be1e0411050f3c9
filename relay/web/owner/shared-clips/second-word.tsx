/** A decision that waits for a second owner: shown in the words that the first one signed, and agreed to or not. */
import {
  type ClipEntry,
  indexesOf,
  judgeClips,
  keysetInForce,
  LatchkeyError,
  noticeDigest,
  renderNotice,
  signingMember,
} from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { loadJudgeContext } from '../clips/clip-memory.ts'
import { loadClips } from '../clips/load-clips.ts'
import { Preview } from '../decide/preview.tsx'
import { approve } from '../household/change-household.ts'
import { chainOf, type Home } from '../household/home.ts'
import type { Database } from '../../kernel/database.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { loadQuestions } from '../questions/load-questions.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import type { GivenConsent } from './history.ts'

interface Readable {
  readonly notice: string
  readonly entry: ClipEntry
  readonly pieces: readonly number[]
}

/**
 * The words of another owner's consent, rendered here from what they are about.
 * @throws CONSENT_NOTICE when they are not the words that were signed; CONSENT_ISSUER | CONSENT_REQUEST when clip, question or
 *   signer are not what they must be
 */
async function readConsent(
  { home, database, log }: { home: Home; database: Database; log: LogKeeper },
  { signed }: GivenConsent,
): Promise<Readable> {
  const { payload } = signed
  const detail = payload.authorization_details[0]!
  const [{ asked }, entries] = await Promise.all([loadQuestions(home, log), loadClips(home)])
  if (signingMember(keysetInForce(chainOf(home)).payload, signed)?.role !== 'owner')
    throw new LatchkeyError('CONSENT_ISSUER', 'it is not signed by an owner of this household')
  const question = asked.find(({ request }) => request.digest === payload.latchkey.request)
  if (question === undefined) throw new LatchkeyError('CONSENT_REQUEST', 'its question is not asked any more')
  const verdict = judgeClips(entries, await loadJudgeContext(home, database)).find(
    ({ isGenuine, statement }) => isGenuine && statement?.manifest.digest === detail.identifier,
  )
  if (verdict === undefined) throw new LatchkeyError('CONSENT_ISSUER', 'its clip is not one of this household')
  const { entry } = verdict
  const pieces = indexesOf(detail.items)
  const { notice, ...latchkey } = payload.latchkey
  const text = renderNotice(notice.version, notice.language, {
    request: question.request.payload,
    agencyName: question.agency.name,
    consent: { ...payload, latchkey },
    items: pieces.flatMap((index) => entry.descriptors[index] ?? []),
    utcOffsetMinutes: notice.utcOffsetMinutes,
  })
  if (noticeDigest(text) !== notice.sha256)
    throw new LatchkeyError('CONSENT_NOTICE', 'these are not the words that were signed')
  return { notice: text, entry, pieces }
}

/** What the first owner signed, a look at it, and this owner's word. */
export function SecondWord(props: {
  home: Home
  database: Database
  log: LogKeeper
  given: GivenConsent
  onApproved: () => void
}) {
  const { home, given } = props
  const [readable, setReadable] = useState<Readable | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const [busy, setBusy] = useState(false)
  const say = words.household.second
  const fail = (error: unknown): void => setFailure(failureWords(error))
  useEffect(() => void readConsent(props, given).then(setReadable, fail), [given.digest])
  async function agree(): Promise<void> {
    setBusy(true)
    try {
      await approve(home, given.digest)
      props.onApproved()
    } catch (error) {
      fail(error)
      setBusy(false)
    }
  }
  if (failure !== null) return <Alert wrong>{failure}</Alert>
  if (readable === null) return null
  return (
    <div role="group" aria-label={say.title}>
      <p>{say.text}</p>
      <pre class="notice small">{readable.notice}</pre>
      <Preview home={home} database={props.database} entry={readable.entry} pieces={readable.pieces} />
      <p>
        <Button disabled={busy} onClick={() => void agree()}>
          {say.agree}
        </Button>
      </p>
    </div>
  )
}
