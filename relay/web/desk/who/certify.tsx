import type { Enrolment } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { ChooseFiles, SaveLink } from '../../kit/files.tsx'
import { Alert, Title } from '../../kit/parts.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { failureWords } from '../words/failure.ts'
import { words } from '../words/words.ts'
import { certificateFault, type Investigator, openKeys, parseCertificateFile } from './investigator.ts'

/** What the agency certifies, and the fingerprint by which two people compare it. */
interface Enrolling {
  readonly enrolment: Enrolment
  readonly fingerprint: string
}

async function enrollingOf({ keys }: Investigator): Promise<Enrolling> {
  const { signer, opener } = await openKeys(keys)
  return { enrolment: { jwk: signer.jwk, recipient: opener.recipient }, fingerprint: signer.thumbprint }
}

/** From keys that nobody knows to keys that an agency vouches for. It may take days: the keys stay. */
export function Certify(props: { investigator: Investigator; onCertificate: (raw: string) => void }) {
  const { investigator } = props
  const [enrolling, setEnrolling] = useState<Enrolling | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => void enrollingOf(investigator).then(setEnrolling), [investigator])
  const { certify: say, otherKeys, expired } = words.setUp
  async function take(file: File): Promise<void> {
    try {
      const certificate = parseCertificateFile(await file.text())
      const fault = await certificateFault(certificate, investigator.keys, nowMs())
      if (fault === null) props.onCertificate(certificate.raw)
      else setFailure(fault === 'expired' ? expired : otherKeys)
    } catch (error) {
      setFailure(failureWords(error))
    }
  }
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      {enrolling !== null && (
        <section class="card">
          <p>{say.give}</p>
          <p>
            <SaveLink
              main
              parts={[`${JSON.stringify(enrolling.enrolment, null, 2)}\n`]}
              name="enrolment.json"
              type="application/json"
            >
              {say.enrolment}
            </SaveLink>
          </p>
          <p>{say.they}</p>
          <p class="mono">{say.command}</p>
          <p>{say.compare}</p>
          <p class="mono">{enrolling.fingerprint}</p>
        </section>
      )}
      <section class="card">
        <ChooseFiles label={say.load} hint={say.loadWhy} onFiles={([file]) => void take(file!)} />
        {failure !== null && <Alert wrong>{failure}</Alert>}
      </section>
    </>
  )
}
