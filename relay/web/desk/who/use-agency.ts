import { type AgencyEntry, agencyList } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { failureWords } from '../words/failure.ts'
import { type Investigator, parseCertificateFile } from './investigator.ts'
import { anyoneClient } from './relay-clients.ts'

/** How the relay tells of this investigator's agency: undefined until it answered, null when it does not know it. */
export function useAgency(investigator: Investigator) {
  const [agency, setAgency] = useState<AgencyEntry | null | undefined>(undefined)
  const [failure, setFailure] = useState<string | null>(null)
  useEffect(() => {
    const uri = parseCertificateFile(investigator.certificate!).payload.iss
    anyoneClient(investigator)
      .json('GET', '/v1/agencies', agencyList)
      .then(({ agencies }) => setAgency(agencies.find((entry) => entry.uri === uri) ?? null))
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [investigator])
  return { agency, failure }
}
