import { LatchkeyError } from '../src/errors.ts'
import { isSignedBy, type Signed } from '../src/wire/jws.ts'
import type { InvestigatorCertificate } from '../src/wire/request.ts'
import { parseWith } from '../src/wire/schema.ts'
import { type Trust, trust } from '../src/wire/trust.ts'
import { readJsonFile } from './disk-files.ts'
import { inFile } from './failure.ts'

const MAX_TRUST_BYTES = 8 * 1024 * 1024

/** A trust file. @throws MESSAGE_INVALID, and as `readJsonFile` */
export async function loadTrust(path: string): Promise<Trust> {
  const value = await readJsonFile(path, MAX_TRUST_BYTES)
  return inFile(path, () => parseWith(trust, value, 'trust file'))
}

/** Is the certificate signed by a trusted key of the agency it names? @throws AGENCY_UNKNOWN | INVESTIGATOR_INVALID */
export function assertAgencyVouches(certificate: Signed<InvestigatorCertificate>, trusted: Trust): void {
  const agency = trusted.agencies.find(({ uri }) => uri === certificate.payload.iss)
  if (!agency) throw new LatchkeyError('AGENCY_UNKNOWN', `${certificate.payload.iss} does not stand in the trust file`)
  if (!agency.keys.some((key) => isSignedBy(certificate, key)))
    throw new LatchkeyError('INVESTIGATOR_INVALID', 'the certificate is not signed by a trusted key of its agency')
}
