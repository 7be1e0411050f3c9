import { useState } from 'preact/hooks'
import { ChooseFiles } from '../../kit/files.tsx'
import { Alert, Button, Title } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { words } from '../words/words.ts'
import { certificateFault, type DeskKeys, type FoundKeys, parseCertificateFile, readKeyFiles } from './investigator.ts'

const KINDS = ['signing', 'opening', 'certificate'] as const

/** What is wrong with these, in words; null when they can be used together. */
async function faultOf(found: FoundKeys): Promise<string | null> {
  const say = words.setUp
  const missing = KINDS.filter((kind) => found[kind] === null)
  if (missing.length > 0) return say.wrongFiles(missing.map((kind) => say.missing[kind]))
  const keys = { signing: found.signing!, opening: found.opening! }
  const fault = await certificateFault(parseCertificateFile(found.certificate!), keys, nowMs())
  if (fault === null) return null
  return fault === 'expired' ? say.expired : say.otherKeys
}

/** Keys that exist already, with their certificate. */
export function UseKeyFiles(props: { onKeys: (keys: DeskKeys, certificate: string) => void; onBack: () => void }) {
  const [fault, setFault] = useState<string | null>(null)
  const say = words.setUp
  async function take(files: readonly File[]): Promise<void> {
    const found = await readKeyFiles(await Promise.all(files.map((file) => file.text())))
    const wrong = await faultOf(found)
    setFault(wrong)
    if (wrong === null) props.onKeys({ signing: found.signing!, opening: found.opening! }, found.certificate!)
  }
  return (
    <>
      <Title>{say.files}</Title>
      <section class="card">
        <ChooseFiles label={say.choose} hint={say.filesWhy} many onFiles={(files) => void take(files)} />
        {fault !== null && <Alert wrong>{fault}</Alert>}
        <p>{say.filesKept}</p>
      </section>
      <p>
        <Button onClick={props.onBack}>{words.back}</Button>
      </p>
    </>
  )
}
