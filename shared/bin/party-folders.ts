import { join } from 'node:path'
import type { Signer } from '../src/crypto/keys.ts'
import { LatchkeyError } from '../src/errors.ts'
import type { Signed } from '../src/wire/jws.ts'
import { type InvestigatorCertificate, investigatorCertificate } from '../src/wire/request.ts'
import { readText } from './disk-files.ts'
import { inFile } from './failure.ts'
import { loadSigned } from './household-folder.ts'
import { loadSigner } from './key-files.ts'
import { parseAgencyUri } from './value-syntax.ts'

/** Names inside the folder that `keygen requester` makes; `certify` adds the certificate. */
export const REQUESTER_FILES = {
  key: 'requester.jwk',
  identity: 'requester.key',
  enrolment: 'enrolment.json',
  certificate: 'certificate.jws',
} as const

/** Names inside the folder that `keygen agency` makes. */
export const AGENCY_FILES = { key: 'agency.jwk', publicKey: 'agency-public.jwk', uri: 'agency.uri' } as const

/** Names inside the folder that `keygen operator` makes. */
export const OPERATOR_FILES = { key: 'operator.jwk', publicKey: 'operator-public.jwk' } as const

/** An investigator who can ask. */
export interface Requester {
  readonly signer: Signer
  readonly certificate: Signed<InvestigatorCertificate>
}

/** A certified requester's folder. @throws INVESTIGATOR_INVALID when the certificate is for another key */
export async function loadRequester(folder: string): Promise<Requester> {
  const signer = await loadSigner(join(folder, REQUESTER_FILES.key))
  const path = join(folder, REQUESTER_FILES.certificate)
  const certificate = await loadSigned(investigatorCertificate, path)
  await inFile(path, () => {
    if (certificate.payload.sub !== signer.urn)
      throw new LatchkeyError('INVESTIGATOR_INVALID', 'the certificate is for another key')
  })
  return { signer, certificate }
}

/** An agency's folder. */
export async function loadAgency(folder: string): Promise<{ readonly signer: Signer; readonly uri: string }> {
  const path = join(folder, AGENCY_FILES.uri)
  const uri = await readText(path)
  return {
    signer: await loadSigner(join(folder, AGENCY_FILES.key)),
    uri: await inFile(path, () => parseAgencyUri(uri)),
  }
}
