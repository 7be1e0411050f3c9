import { parseRecipient, rawKeyOf, urnOf } from '../../src/crypto/keys.ts'
import { enrolment, investigatorCertificate } from '../../src/wire/request.ts'
import { parseWith } from '../../src/wire/schema.ts'
import { type Command, PASSED } from '../command.ts'
import { readJsonFile, writeNewFile } from '../disk-files.ts'
import { inFile } from '../failure.ts'
import { loadAgency } from '../party-folders.ts'
import { parseCount } from '../value-syntax.ts'

const MAX_DAYS = 365

/** `latchkey certify` */
export const certify: Command = {
  name: 'certify',
  summary: 'An agency vouches for an investigator’s keys, for a year at most.',
  operands: ['ENROLMENT'],
  options: {
    agency: { value: 'DIR', required: true, help: 'folder made by keygen agency' },
    name: {
      value: 'TEXT',
      required: true,
      help: 'the investigator’s name; the certificate is published with each request',
    },
    role: { value: 'TEXT', required: true, help: 'such as "Detective"' },
    days: { value: 'N', help: `how long the certificate holds (default and most: ${MAX_DAYS})` },
    out: { value: 'F', required: true, help: 'new file; a requester’s folder expects certificate.jws' },
  },
  notes: ['ENROLMENT is the enrolment.json that keygen requester made; it holds no secret.'],
  run: async (given, { nowMs }) => {
    const path = given.operand(0)
    const agency = await loadAgency(given.text('agency'))
    const value = await readJsonFile(path)
    const { jwk, recipient } = await inFile(path, () => {
      const parsed = parseWith(enrolment, value, 'enrolment')
      rawKeyOf(parsed.jwk)
      parseRecipient(parsed.recipient)
      return parsed
    })
    const iat = Math.floor(nowMs() / 1000)
    const days = Math.min(MAX_DAYS, parseCount(given.optional('days') ?? String(MAX_DAYS), '--days'))
    const raw = await investigatorCertificate.encode(
      {
        iss: agency.uri,
        sub: urnOf(jwk),
        iat,
        exp: iat + days * 86_400,
        cnf: { jwk },
        latchkey: { v: 1, name: given.text('name'), role: given.text('role'), recipient },
      },
      agency.signer,
    )
    await writeNewFile(given.text('out'), raw)
    return PASSED
  },
}
