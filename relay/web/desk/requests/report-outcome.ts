/** Says to the relay what came of a request. */
import { encodeBase64url, outcome as outcomeMessage, randomBytes, type RequestOutcomeWord } from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { type Investigator, openKeys, parseCertificateFile } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import { type Asked, keepAsked } from './asked.ts'

async function sign(investigator: Investigator, request: string, word: RequestOutcomeWord): Promise<string> {
  const { signer } = await openKeys(investigator.keys)
  const { digest, payload } = parseCertificateFile(investigator.certificate!)
  return outcomeMessage.encode(
    {
      iss: payload.iss,
      sub: payload.sub,
      aud: investigator.relay,
      jti: encodeBase64url(randomBytes(16)),
      iat: Math.floor(nowMs() / 1000),
      cnf: { jwk: payload.cnf.jwk },
      latchkey: { v: 1, request, outcome: word, investigatorCertificate: digest },
    },
    signer,
  )
}

/**
 * Reports it, once: what was signed before and never answered is sent again as it was.
 * @param request digest
 * @throws UNAVAILABLE | CONFLICT when something else was reported already | the codes of callers
 */
export async function reportOutcome(
  at: { readonly database: Database; readonly investigator: Investigator },
  asked: Asked,
  report: { readonly request: string; readonly word: RequestOutcomeWord },
): Promise<Asked> {
  const { database, investigator } = at
  const { word } = report
  const earlier = asked.report?.word === word ? asked.report.outcome : null
  const outcome = earlier ?? (await sign(investigator, report.request, word))
  await keepAsked(database, { ...asked, report: { outcome, word, isTaken: false } })
  const client = await investigatorClient(investigator)
  const json = { outcome, investigatorCertificate: investigator.certificate! }
  await client.json('POST', '/v1/outcomes', anything, { json })
  const taken: Asked = { ...asked, report: { outcome, word, isTaken: true } }
  await keepAsked(database, taken)
  return taken
}
