import { sharedOn as sharedOnMessage } from '@latchkey/shared'
import { useEffect, useMemo, useState } from 'preact/hooks'
import type { Database } from '../../kernel/database.ts'
import { conflictsOf } from '../shared-on/conflicts.ts'
import { type KeptEntry, loadEntries } from '../shared-on/entries.ts'
import type { Released } from '../shared-on/released.ts'
import { utcWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { type CustodyLine, custodyOf } from './custody.ts'

function SignedBy({ signer }: { signer: string }) {
  return (
    <span class="small">
      {words.report.key} <span class="mono">{signer}</span>
    </span>
  )
}

function BundleLine({ event, atSeconds, index, signer }: CustodyLine) {
  const say = words.report
  return (
    <li>
      <strong>{say.events[event] ?? event}</strong>
      {`, ${utcWords(atSeconds * 1000)}${index === null ? '' : `, ${say.entry(index)}`}`}
      <br />
      <SignedBy signer={signer} />
    </li>
  )
}

function SharedOnLine({ released, entry }: { released: Released; entry: KeptEntry }) {
  const { payload, kid, digest } = sharedOnMessage.parse(entry.sharedOn)
  const { receiver, atMs, reason } = payload.latchkey
  const say = words.report
  return (
    <li>
      <strong>{say.passedOn(receiver.name, words.sharedOn.kinds[receiver.kind])}</strong>
      {`, ${utcWords(atMs)}, ${entry.isTaken ? say.sealedEntry : words.sharedOn.unsent}`}
      <blockquote>{reason}</blockquote>
      {conflictsOf(released, payload.latchkey).map((conflict) => (
        <p key={conflict}>{words.sharedOn.against[conflict]}</p>
      ))}
      <span class="small">
        {say.digest} <span class="mono">{digest}</span>
      </span>
      <br />
      <SignedBy signer={kid} />
    </li>
  )
}

/** Everything that was signed about it: as the bundle tells it, then who got it next, as this browser signed it. */
export function CustodyList(props: { zip: Uint8Array; database: Database; released: Released | null }) {
  const { zip, database, released } = props
  const lines = useMemo(() => custodyOf(zip), [zip])
  const [entries, setEntries] = useState<readonly KeptEntry[]>([])
  useEffect(() => {
    if (released !== null) void loadEntries(database, released).then(setEntries)
  }, [])
  const say = words.report
  return (
    <section class="card">
      <h2>{say.custody}</h2>
      <p class="soft small">{say.custodyWhy}</p>
      <ol class="custody">
        {lines.map((line) => (
          <BundleLine key={line.digest} {...line} />
        ))}
        {entries.map((entry) => (
          <SharedOnLine key={entry.sharedOn} released={released!} entry={entry} />
        ))}
      </ol>
      <p class="soft small">{entries.length > 0 ? say.passedOnWhy : say.passedOnNone}</p>
    </section>
  )
}
