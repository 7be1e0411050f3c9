import type { PublicJwk } from '../../src/crypto/keys.ts'
import { urnOf } from '../../src/crypto/keys.ts'
import { checkRequest } from '../../src/consent/policy-check.ts'
import { LatchkeyError } from '../../src/errors.ts'
import type { Finding } from '../../src/wire/problem.ts'
import { type ClipRequest, clipRequest } from '../../src/wire/request.ts'
import { isSignedBy } from '../../src/wire/jws.ts'
import { createValidator, parseWith } from '../../src/wire/schema.ts'
import type { Command } from '../command.ts'
import { readText } from '../disk-files.ts'
import { failuresOf, inFile } from '../failure.ts'
import { loadPolicy, type LoadedPolicy, POLICY_OPTION } from '../policy-file.ts'

const claims = createValidator(clipRequest.schema)

interface Draft {
  readonly payload: ClipRequest
  /** What only a signed request can get wrong. */
  readonly findings: readonly Finding[]
}

function parseDraft(text: string): Draft {
  if (!text.startsWith('{')) return parseSignedDraft(text)
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    throw new LatchkeyError('JSON_INVALID', 'neither a signed request nor JSON')
  }
  return { payload: parseWith(claims, value, 'request') as ClipRequest, findings: [] }
}

function parseSignedDraft(text: string): Draft {
  const signed = clipRequest.parse(text)
  const key = signed.payload.cnf.jwk as PublicJwk
  const isOwn = signed.payload.sub === urnOf(key) && isSignedBy(signed, key)
  const finding: Finding = { code: 'SIGNATURE_INVALID', message: 'is not signed by the key that it names' }
  return { payload: signed.payload, findings: isOwn ? [] : [finding] }
}

function checkPolicyDigest(payload: ClipRequest, rules: LoadedPolicy): Finding[] {
  if (payload.latchkey.policy === rules.digest) return []
  return [{ code: 'POLICY_UNKNOWN', field: 'policy', message: 'names another policy than this one' }]
}

/** `latchkey check-request` */
export const checkRequestCommand: Command = {
  name: 'check-request',
  summary: 'Checks a request offline, exactly as a relay does, and prints every finding.',
  operands: ['DRAFT'],
  options: { policy: POLICY_OPTION },
  notes: [
    'DRAFT is a signed request or its payload as JSON.',
    'What an agency asked before (CASE_LIMIT, AGENCY_LIMIT) only the public log knows; it is not checked here.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const path = given.operand(0)
    const rules = await loadPolicy(given.optional('policy'))
    const text = await readText(path)
    const { payload, findings } = await inFile(path, () => parseDraft(text))
    const all = [
      ...findings,
      ...checkPolicyDigest(payload, rules),
      ...checkRequest(payload, rules.policy, { nowMs: nowMs(), history: null }),
    ]
    if (all.length === 0) terminal.print('PASS')
    return failuresOf(path, all)
  },
}
