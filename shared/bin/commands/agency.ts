import { join } from 'node:path'
import { createRelayClient, type RelayClient } from '../../client/relay-client.ts'
import { type PublicJwk, thumbprintOf } from '../../src/crypto/keys.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { AgencyEntry, AgencyStatus, agencyList, AgencySubmission } from '../../src/wire/http.ts'
import { createValidator, parseWith } from '../../src/wire/schema.ts'
import { fetchKeySet, KEY_SET_PATH, parseKeySet } from '../agency-keys.ts'
import type { Arguments } from '../arguments.ts'
import { type Command, PASSED } from '../command.ts'
import { readJsonFile } from '../disk-files.ts'
import { inFile } from '../failure.ts'
import { loadSigner } from '../key-files.ts'
import { OPERATOR_FILES } from '../party-folders.ts'
import { parseAgencyUri, parseOrigin } from '../value-syntax.ts'

const submission = createValidator(AgencySubmission)
const entry = createValidator(AgencyEntry)
const status = createValidator(AgencyStatus)

/** What every command of an operator takes. */
export const OPERATOR_OPTIONS = {
  relay: { value: 'ORIGIN', required: true, help: 'the relay’s public address' },
  operator: { value: 'DIR', required: true, help: 'folder made by keygen operator' },
} as const

/** The relay as its operator calls it. */
export async function operatorClient(given: Arguments, nowMs: () => number): Promise<RelayClient> {
  const signer = await loadSigner(join(given.text('operator'), OPERATOR_FILES.key))
  return createRelayClient({ origin: parseOrigin(given.text('relay')), signer, nowMs })
}

async function readKeys(path: string): Promise<PublicJwk[]> {
  const value = await readJsonFile(path)
  return inFile(path, () => parseKeySet(value))
}

/** What it is to be: what is said, over what stands. */
async function nextOf(given: Arguments, uri: string, before: AgencyEntry | undefined): Promise<AgencySubmission> {
  const file = given.optional('keys')
  const isFresh = before === undefined || given.flag('refresh-keys')
  const keys = file !== undefined ? await readKeys(file) : isFresh ? await fetchKeySet(uri) : before.keys
  const name = given.optional('name') ?? before?.name
  const kind = given.optional('kind') ?? before?.kind
  const is = given.optional('status') ?? before?.status ?? 'active'
  if (name === undefined || kind === undefined)
    throw new LatchkeyError('USAGE', `${uri} is new here: --name and --kind are required`)
  if (!status.check(is)) throw new LatchkeyError('USAGE', '--status is pilot, active, suspended or withdrawn')
  return parseWith(submission, { uri, name, kind, status: is, keys }, 'agency')
}

const momentText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`

/** `latchkey agency` */
export const agency: Command = {
  name: 'agency',
  summary: 'The operator enrols an agency or changes one; each change is public, and none can be taken out.',
  operands: ['URI'],
  options: {
    ...OPERATOR_OPTIONS,
    name: { value: 'TEXT', help: 'what owners read; required for a new agency' },
    kind: { value: 'WORD', help: 'a kind that the policy admits, such as police; required for a new agency' },
    status: { value: 'WORD', help: 'pilot, active, suspended or withdrawn (default: active, or as it stands)' },
    keys: { value: 'F', help: `a JWK set, instead of the one at URI${KEY_SET_PATH}` },
    'refresh-keys': { help: 'fetch the keys of a known agency anew' },
  },
  notes: [
    `The keys of a new agency come from its own address: https://police.example${KEY_SET_PATH}.`,
    'A new agency, and a new key of a known one, wait the policy’s notice period in public before they may ask.',
    'Suspended or withdrawn: nothing is released to it from now on. What is not said stays as it is.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const uri = parseAgencyUri(given.operand(0))
    const client = await operatorClient(given, nowMs)
    const { agencies } = await client.json('GET', '/v1/agencies', agencyList)
    const before = agencies.find((known) => known.uri === uri)
    const json = await nextOf(given, uri, before)
    const now = await client.json('POST', '/v1/agencies', entry, { json })
    terminal.print(
      [
        `${now.uri}: ${now.name}, ${now.kind}, ${now.status}`,
        ...now.keys.map((key) => `key ${thumbprintOf(key)}`),
        `may ask from ${momentText(now.noticeUntilMs)}`,
        `entry ${now.index} of the log${before?.index === now.index ? ', as it stood: nothing changed' : ''}`,
      ].join('\n'),
    )
    return PASSED
  },
}
