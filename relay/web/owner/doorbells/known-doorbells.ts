/** The household's doorbells by what its members signed: for them, and against them. The relay only carries it. */
import {
  countingKeysets,
  decodeBase64url,
  type DeviceCertificate,
  deviceCertificate,
  type DeviceList,
  deviceList,
  isVouchedDevice,
  type Keyset,
  type OwnLeaf,
  type Revocation,
  revocation,
  type Signed,
  signingMember,
  urnOf,
  utf8,
} from '@latchkey/shared'
import { chainOf, type Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import { revoke } from '../household/revoke.ts'
import type { Database } from '../../kernel/database.ts'

/** A doorbell that an owner of this household vouched for. */
export interface KnownDoorbell {
  readonly certificate: Signed<DeviceCertificate>
  /** When a member took that back, by that member's word; `null`: nobody did. */
  readonly revokedMs: number | null
  /** Where its certificate must stand in the log. */
  readonly leaf: OwnLeaf
}

/** What this phone keeps of them: a revocation that it once saw is never forgotten, whatever the relay says later. */
interface KeptRevocations {
  readonly v: 1
  /** Seconds, by the digest of the certificate. */
  readonly revoked: ReadonlyMap<string, number>
}

const RECORD = 'revoked-doorbells'

const revokedOf = (record: unknown): ReadonlyMap<string, number> =>
  (record as KeptRevocations | undefined)?.revoked ?? new Map()

/** For judging clips: seconds, by the digest of the certificate. */
export const loadRevoked = async (database: Database): Promise<ReadonlyMap<string, number>> =>
  revokedOf(await database.load(RECORD))

/** The earliest counts. @returns what is then known */
async function remember(database: Database, news: readonly Signed<Revocation>[]): Promise<ReadonlyMap<string, number>> {
  const known = await loadRevoked(database)
  const isNews = ({ payload }: Signed<Revocation>) =>
    !(payload.iat >= (known.get(payload.latchkey.revokes) ?? Infinity))
  if (!news.some(isNews)) return known
  const next = new Map<string, number>()
  await database.update(RECORD, (kept) => {
    for (const [certificate, seconds] of revokedOf(kept)) next.set(certificate, seconds)
    for (const { payload } of news) {
      const { revokes } = payload.latchkey
      next.set(revokes, Math.min(payload.iat, next.get(revokes) ?? Infinity))
    }
    return { v: 1, revoked: next } satisfies KeptRevocations
  })
  return next
}

type Told = DeviceList['devices'][number]

/** What does not parse is nobody's word. */
function parsed<T>(parse: () => T): T | null {
  try {
    return parse()
  } catch {
    return null
  }
}

function vouchedCertificate({ deviceCertificate: raw }: Told, home: Home, keysets: readonly Signed<Keyset>[]) {
  const certificate = parsed(() => deviceCertificate.parse(raw))
  return certificate !== null && isVouchedDevice(certificate, { root: home.rootJwk, keysets }) ? certificate : null
}

function validRevocations(
  { revocations }: Told,
  certificate: string,
  { home, keysets }: { home: Home; keysets: readonly Signed<Keyset>[] },
): Signed<Revocation>[] {
  const words = revocations.map(({ revocation: raw }) => parsed(() => revocation.parse(raw)))
  return words.filter((word): word is Signed<Revocation> => {
    if (word === null || word.payload.iss !== urnOf(home.rootJwk)) return false
    const by = keysets.find(({ digest }) => digest === word.payload.latchkey.keyset)
    const isMembers = by !== undefined && signingMember(by.payload, word) !== null
    return isMembers && word.payload.latchkey.revokes === certificate
  })
}

/**
 * Every doorbell that the household ever vouched for, the oldest first. What the relay adds is left out; what it leaves
 * out of the revocations is remembered.
 * @throws UNAVAILABLE | MESSAGE_INVALID
 */
export async function loadDoorbells(home: Home, database: Database): Promise<readonly KnownDoorbell[]> {
  const asMember = await memberClient(home)
  const { devices } = await asMember.json('GET', '/v1/devices', deviceList)
  const keysets = countingKeysets(chainOf(home))
  const vouched = devices.flatMap((told) => {
    const certificate = vouchedCertificate(told, home, keysets)
    return certificate === null ? [] : [{ told, certificate }]
  })
  const words = vouched.flatMap(({ told, certificate }) =>
    validRevocations(told, certificate.digest, { home, keysets }),
  )
  const revoked = await remember(database, words)
  return vouched.map(({ told, certificate }) => {
    const seconds = revoked.get(certificate.digest)
    const object = utf8(certificate.raw)
    const { index, acceptedMs: takenMs } = told
    const leaf = { salt: decodeBase64url(told.salt), kind: 'device', object, takenMs, index } as const
    return { certificate, leaf, revokedMs: seconds === undefined ? null : seconds * 1000 }
  })
}

/** Takes the trust in a doorbell back, for the whole household; it works when this resolves. @throws the relay's refusals */
export async function revokeDoorbell(home: Home, database: Database, certificate: string): Promise<void> {
  await remember(database, [revocation.parse(await revoke(home, certificate))])
}
