/** The verifier as one file that works from a disk, without a network: whoever was handed a bundle needs nobody's server. */
import {
  clockLines,
  contentLines,
  type Identity,
  parseIdentityFile,
  parseTrust,
  type Verdict,
  type VerifierTrust,
  verifyBundleZip,
} from '@latchkey/shared'
import { render } from 'preact'
import { useState } from 'preact/hooks'
import { ChooseFiles } from '../../kit/files.tsx'
import { Button } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { Checklist } from '../received/checklist.tsx'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'

const bytesOf = async (file: File): Promise<Uint8Array> => new Uint8Array(await file.arrayBuffer())

/** A chosen file, and what it says. */
interface Read<T> {
  readonly name: string
  readonly value: T
}

/** A field for one file that must say something. */
function OneFile<T>(props: {
  label: string
  hint: string
  read: (file: File) => Promise<T>
  onRead: (read: Read<T>) => void
}) {
  const [chosen, setChosen] = useState<string | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  async function take(file: File): Promise<void> {
    try {
      props.onRead({ name: file.name, value: await props.read(file) })
      setChosen(file.name)
      setFailure(null)
    } catch (error) {
      setFailure(failureWords(error))
    }
  }
  const hint = chosen === null ? props.hint : words.verifyFile.chosen(chosen)
  return <ChooseFiles label={props.label} hint={hint} wrong={failure} onFiles={([file]) => void take(file!)} />
}

function Facts({ verdict: { facts } }: { verdict: Verdict }) {
  if (facts === null) return null
  return (
    <section class="card">
      <h2>{words.evidence.facts}</h2>
      <ul>
        {[...clockLines(facts), ...contentLines(facts)].map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  )
}

function VerifyFile() {
  const [zip, setZip] = useState<Read<Uint8Array> | null>(null)
  const [trust, setTrust] = useState<Read<VerifierTrust> | null>(null)
  const [key, setKey] = useState<Read<Identity> | null>(null)
  const [verdict, setVerdict] = useState<Verdict | null>(null)
  const say = words.verifyFile
  function verify(bundle: Uint8Array, believed: VerifierTrust): void {
    const nowSeconds = Math.floor(nowMs() / 1000)
    setVerdict(verifyBundleZip(bundle, believed, key === null ? { nowSeconds } : { nowSeconds, identity: key.value }))
  }
  /** A verdict is about the files that were chosen for it. */
  const chosen =
    <T,>(set: (read: Read<T>) => void) =>
    (read: Read<T>): void => {
      setVerdict(null)
      set(read)
    }
  return (
    <main>
      <h1>{say.title}</h1>
      <p>{say.lead}</p>
      <section class="card">
        <OneFile label={say.bundle} hint={say.bundleHint} read={bytesOf} onRead={chosen(setZip)} />
        <OneFile
          label={say.trust}
          hint={say.trustHint}
          read={async (file) => parseTrust(await bytesOf(file))}
          onRead={chosen(setTrust)}
        />
        <OneFile
          label={say.key}
          hint={say.keyHint}
          read={async (file) => parseIdentityFile(await file.text())}
          onRead={chosen(setKey)}
        />
        <Button main disabled={zip === null || trust === null} onClick={() => verify(zip!.value, trust!.value)}>
          {say.check}
        </Button>
      </section>
      <div aria-live="polite">{verdict !== null && <Checklist verdict={verdict} from="file" />}</div>
      {verdict !== null && <Facts verdict={verdict} />}
    </main>
  )
}

const root = document.getElementById('app')!
root.replaceChildren()
render(<VerifyFile />, root)
