import { createRelayClient } from '../../client/relay-client.ts'
import { checkRequest } from '../../src/consent/policy-check.ts'
import { buildRequest } from '../../src/consent/request-build.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { requestAccepted } from '../../src/wire/http.ts'
import { type ClipRequest, clipRequest, type Vertex } from '../../src/wire/request.ts'
import type { Arguments } from '../arguments.ts'
import { type Command, PASSED } from '../command.ts'
import { assertAbsent, writeNewFile } from '../disk-files.ts'
import { failuresOf } from '../failure.ts'
import { loadPolicy, type LoadedPolicy, POLICY_OPTION } from '../policy-file.ts'
import { loadRequester, type Requester } from '../party-folders.ts'
import { parseArea, parseCount, parseInterval, parseOrigin } from '../value-syntax.ts'

function payloadOf(given: Arguments, { certificate }: Requester, { policy }: LoadedPolicy, nowMs: number): ClipRequest {
  const agency = given.optional('agency-uri')
  if (agency !== undefined && agency !== certificate.payload.iss)
    throw new LatchkeyError('USAGE', `--agency-uri: the certificate is from ${certificate.payload.iss}`)
  const days = given.optional('retention-days') ?? String(policy.retentionDays.default)
  const asked = {
    caseNumber: given.text('case'),
    incidentType: given.text('incident'),
    reason: given.text('reason'),
    contact: given.text('contact'),
    window: parseInterval(given.text('window')),
    area: parseArea(given.text('area')).map(([latitude, longitude]): Vertex => [latitude, longitude]),
    retentionDays: parseCount(days, '--retention-days'),
    template: given.optional('template') ?? 'general-1',
  }
  const relay = parseOrigin(given.text('relay'))
  return buildRequest(asked, { certificate, relay, policy, nowSeconds: Math.floor(nowMs / 1000) })
}

/** `latchkey request` */
export const request: Command = {
  name: 'request',
  summary: 'Signs a public request for recordings, after the check that a relay makes.',
  operands: [],
  options: {
    key: { value: 'DIR', required: true, help: 'folder made by keygen requester, with its certificate.jws' },
    'agency-uri': { value: 'URI', help: 'must be the certificate’s agency (default: that)' },
    window: { value: 'FROM/TO', required: true, help: '2026-11-22T16:00:00Z/2026-11-22T17:00:00Z' },
    area: { value: '"LAT,LON …"', required: true, help: '3 to 64 corners in degrees; write --area="-33.9,18.4 …"' },
    case: { value: 'TEXT', required: true, help: 'case number' },
    incident: { value: 'TYPE', required: true, help: 'incident type of the policy’s closed list' },
    reason: { value: 'TEXT', required: true, help: 'what happened, for owners to read' },
    contact: { value: 'TEXT', required: true, help: 'how an owner reaches a person' },
    relay: { value: 'ORIGIN', required: true, help: 'the relay that publishes it' },
    'retention-days': { value: 'N', help: 'how long recordings will be kept (default: the policy’s)' },
    template: { value: 'NAME', help: 'the public template used (default: general-1)' },
    policy: POLICY_OPTION,
    out: { value: 'F', required: true, help: 'new file for the signed request' },
    submit: { help: 'send it to the relay too' },
  },
  run: async (given, { nowMs, terminal }) => {
    const out = given.text('out')
    await assertAbsent(out)
    const requester = await loadRequester(given.text('key'))
    const rules = await loadPolicy(given.optional('policy'))
    const payload = payloadOf(given, requester, rules, nowMs())
    const findings = checkRequest(payload, rules.policy, { nowMs: nowMs(), history: null })
    if (findings.length > 0) return failuresOf(out, findings)
    const raw = await clipRequest.encode(payload, requester.signer)
    await writeNewFile(out, raw, 0o644)
    terminal.print(`request ${clipRequest.parse(raw).digest}`)
    if (given.flag('submit')) {
      const client = createRelayClient({ origin: payload.aud, signer: requester.signer, nowMs })
      const json = { request: raw, investigatorCertificate: requester.certificate.raw }
      const { index } = await client.json('POST', '/v1/requests', requestAccepted, { json })
      terminal.print(`published at log index ${index}`)
    }
    return PASSED
  },
}
