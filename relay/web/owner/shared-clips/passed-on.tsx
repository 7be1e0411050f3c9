import {
  checkSharedOn,
  type ConsentEntry,
  isSharedOnOf,
  release as releaseMessage,
  sharedOn as sharedOnMessage,
  type SharedOn,
  type SharedOnConflict,
} from '@latchkey/shared'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { GivenConsent } from './history.ts'

/** What the investigator said of who got it next, and where that goes against the consent. */
interface PassedOn {
  readonly digest: string
  readonly said: SharedOn['latchkey']
  readonly conflicts: readonly SharedOnConflict[]
}

/** Of one release. Untrusted: an entry that the investigator of this consent did not sign is none. */
function entriesOf({ signed, told }: GivenConsent, entry: ConsentEntry['releases'][number]): PassedOn[] {
  const release = releaseMessage.parse(entry.release)
  const takenBackMs = told?.revocations[0]?.receivedMs ?? null
  const papers = { consent: signed.payload, releasedSeconds: release.payload.iat, takenBackMs }
  return entry.sharedOn
    .map((one) => sharedOnMessage.parse(one.sharedOn))
    .filter((word) => isSharedOnOf(word, { consent: signed, release }))
    .map(({ digest, payload: { latchkey } }) => ({
      digest,
      said: latchkey,
      conflicts: checkSharedOn(latchkey, papers),
    }))
}

/** Who got next what was given, as the investigator signed it. */
export function PassedOnList({ given }: { given: GivenConsent }) {
  const entries = given.told?.releases.flatMap((entry) => entriesOf(given, entry)) ?? []
  const say = words.shared.passedOn
  if (entries.length === 0) return null
  return (
    <section>
      <h3>{say.title}</h3>
      <p class="soft small">{say.why}</p>
      <ul class="entries">
        {entries.map(({ digest, said, conflicts }) => (
          <li key={digest}>
            <strong>{say.to(said.receiver.name)}</strong>
            {`, ${say.kinds[said.receiver.kind]}, ${momentWords(said.atMs)}`}
            <blockquote>{said.reason}</blockquote>
            {conflicts.map((conflict) => (
              <p key={conflict} class="bad">
                {say.against[conflict]}
              </p>
            ))}
          </li>
        ))}
      </ul>
    </section>
  )
}
