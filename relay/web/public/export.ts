/** Everything public in one archive, laid out as the relay serves it: whoever has it needs no relay to judge it again. */
import {
  canonicalJson,
  encodeTilePath,
  LatchkeyError,
  type ReadTile,
  type Tile,
  TILE_WIDTH,
  tileWidth,
  utf8,
  writeZip,
  type ZipEntry,
} from '@latchkey/shared'
import type { PublicRecord } from './record.ts'

function readme({ origin, checkpoint }: PublicRecord): string {
  return `The public record of ${origin}, ${checkpoint!.size} entries.

log/            the signed checkpoint, and the entries by 256 (C2SP tlog-tiles)
v1/requests/    each accepted request as it was signed, and the certificate of who asked
v1/policies/    each set of rules that was announced or in force
v1/register/    disclosures and legal demands, every version, and the numbers of each month
v1/*.json       agencies, web apps, rules, and what it holds, as the relay told them

To judge every answer again, with the key of the log that you chose to trust:

  latchkey monitor --log ${origin} --export THIS-FILE --trust trust.json --once
`
}

const text = (path: string, value: string): ZipEntry => ({ path, bytes: utf8(value) })

async function* filesOf(record: PublicRecord, readTile: ReadTile): AsyncGenerator<ZipEntry> {
  const { checkpoint, told } = record
  if (checkpoint === null || told === null) throw new LatchkeyError('UNAVAILABLE', 'the log has not been read yet')
  yield text('README.txt', readme(record))
  yield { path: 'log/checkpoint', bytes: checkpoint.raw }
  for (let index = 0; index * TILE_WIDTH < checkpoint.size; index++) {
    const tile: Tile = { level: 'entries', index, width: tileWidth('entries', index, checkpoint.size) }
    yield { path: `log/${encodeTilePath(tile)}`, bytes: await readTile(tile) }
  }
  for (const { data, signed } of record.requests) {
    if (signed === null) continue
    yield text(`v1/requests/${data.requestDigest}.jws`, signed.request)
    if (signed.certificate !== null) yield text(`v1/requests/${data.requestDigest}/certificate.jws`, signed.certificate)
  }
  const policies = new Map(record.policies.map((policy) => [policy.data.digest, policy.text]))
  for (const [digest, policy] of policies)
    if (policy !== null) yield text(`v1/policies/${digest}.json`, canonicalJson(policy))
  for (const { data, text: entry } of [...record.disclosures, ...record.demands, ...record.months])
    if (entry !== null) yield text(`v1/register/${data.digest}.json`, canonicalJson(entry))
  yield text('v1/agencies.json', canonicalJson(told.agencies))
  yield text('v1/apps.json', canonicalJson(told.apps))
  yield text('v1/policy-digest.txt', told.policyDigest)
  if (told.holdings !== null) yield text('v1/holdings.json', canonicalJson(told.holdings))
}

/** The archive as it is made, file by file. @throws what the relay's answers throw */
export const exportRecord = (record: PublicRecord, readTile: ReadTile): AsyncGenerator<Uint8Array> =>
  writeZip(filesOf(record, readTile))
