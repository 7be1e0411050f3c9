import type { PublicJwk } from '../../src/crypto/keys.ts'
import { createRelayClient } from '../../client/relay-client.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { parseVkey } from '../../src/tlog/note-key.ts'
import { parseWith } from '../../src/wire/schema.ts'
import { type Trust, trust } from '../../src/wire/trust.ts'
import type { Arguments } from '../arguments.ts'
import { type Command, PASSED } from '../command.ts'
import { jsonText, writeNewFile } from '../disk-files.ts'
import { loadPublicJwk } from '../key-files.ts'
import { parseAgencyUri, parseCount, parseOrigin, parsePair } from '../value-syntax.ts'

/** `NAME=FILE` options → public keys by name, in order of first mention. */
async function keysByName(pairs: readonly string[], parseName: (text: string) => string, what: string) {
  const keys = new Map<string, PublicJwk[]>()
  for (const pair of pairs) {
    const [name, file] = parsePair(pair, what)
    keys.set(parseName(name), [...(keys.get(name) ?? []), await loadPublicJwk(file)])
  }
  return keys
}

async function trustOf(given: Arguments): Promise<Trust> {
  const agencies = await keysByName(given.list('agency'), parseAgencyUri, '--agency')
  const relays = await keysByName(given.list('relay'), parseOrigin, '--relay')
  const witnesses = given.list('witness')
  const households = given.list('household')
  for (const vkey of [...given.list('log'), ...witnesses]) parseVkey(vkey)
  return {
    v: 1,
    logs: [...given.list('log')],
    witnesses: [...witnesses],
    quorum: given.optional('quorum') === undefined ? 0 : parseCount(given.text('quorum'), '--quorum'),
    agencies: [...agencies].map(([uri, keys]) => ({ uri, keys })),
    relays: [...relays].flatMap(([origin, keys]) => keys.map((jwk) => ({ origin, jwk }))),
    ...(households.length > 0 ? { households: [...households] } : {}),
  }
}

/** `latchkey trust` */
export const trustCommand: Command = {
  name: 'trust',
  summary: 'Writes the trust file: the only keys that verify and open believe.',
  operands: [],
  options: {
    agency: { value: 'URI=JWKFILE', many: true, help: 'an agency and one of its keys' },
    relay: { value: 'ORIGIN=JWKFILE', many: true, help: 'a relay and its key' },
    log: { value: 'VKEY', many: true, help: 'a log’s verifier key; with one, log proofs are required' },
    witness: { value: 'VKEY', many: true, help: 'a witness’s verifier key' },
    quorum: { value: 'N', help: 'how many witnesses must have cosigned (default 0)' },
    household: { value: 'URN', many: true, help: 'when given, only these households are believed' },
    from: { value: 'ORIGIN', help: 'take what a relay says of itself instead' },
    out: { value: 'F', required: true, help: 'new file' },
  },
  run: async (given, { terminal, nowMs }) => {
    const from = given.optional('from')
    const value = from === undefined ? await trustOf(given) : await fetchTrust(from, nowMs)
    await writeNewFile(given.text('out'), jsonText(parseWith(trust, value, 'trust file')), 0o644)
    if (from !== undefined)
      terminal.note('warning: this file is the relay’s own word. Compare its keys with a source that is not the relay.')
    return PASSED
  },
}

async function fetchTrust(from: string, nowMs: () => number): Promise<Trust> {
  const client = createRelayClient({ origin: parseOrigin(from), nowMs })
  const value = await client.json('GET', '/v1/trust.json', trust)
  if (value.logs.length === 0) throw new LatchkeyError('TRUST_INVALID', 'the relay names no log')
  return value
}
