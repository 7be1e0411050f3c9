/** What the stages of the relay ask of each other. */
import { deviceCertificate, LatchkeyError, parseCheckpoint } from '@latchkey/shared'
import { findAgency, findAgencyAt } from './agency/agencies.ts'
import { findManifest } from './clip/manifests.ts'
import type { ConsentGround, ConsentParts } from './consent/consents.ts'
import type { LogReader, Queryable } from './flow.ts'
import { findDeviceByCertificate, isDeviceLogged } from './household/device-store.ts'
import { findKeysetInForce } from './household/keyset-store.ts'
import type { Clock } from './kernel/clock.ts'
import { findPolicy } from './policy/policies.ts'
import { findRequest, isEndedByLeaving } from './request/request-store.ts'

/** What they read with. */
interface CrossingParts {
  readonly logReader: LogReader
  readonly clock: Pick<Clock, 'nowMs'>
}

/** Where stages meet: each function reads one stage for another. */
export function createCrossings(core: CrossingParts) {
  const { clock } = core
  const findCertificate = async (db: Queryable, digest: string): Promise<string | null> =>
    (await findDeviceByCertificate(db, digest))?.jws ?? null
  const keysetInForce: ConsentParts['keysetInForce'] = async (db, root) =>
    (await findKeysetInForce(db, root, clock.nowMs()))?.signed ?? null

  async function loadGround(
    tx: Queryable,
    root: string,
    named: { manifest: string; request: string },
  ): Promise<ConsentGround> {
    const stored = await findManifest(tx, named.manifest)
    const certificate = stored?.root === root ? await findCertificate(tx, stored.certificate) : null
    if (!stored || certificate === null)
      throw new LatchkeyError('CONSENT_ISSUER', 'the household has no clip with this manifest')
    // In the log the device comes before the consents to its clips.
    if (!(await isDeviceLogged(tx, stored.certificate)))
      throw new LatchkeyError('UNAVAILABLE', 'the device is not yet in the log')
    const asked = await findRequest(tx, named.request)
    if (!asked || asked.logIndex === null) throw new LatchkeyError('CONSENT_REQUEST', 'no such request is open')
    const { iss, latchkey } = asked.request.payload
    const agency = await findAgencyAt(tx, iss, asked.logIndex)
    const now = await findAgency(tx, iss)
    if (!agency || now?.status === 'suspended' || now?.status === 'withdrawn')
      throw new LatchkeyError('AGENCY_SUSPENDED', 'the agency may not receive clips now')
    if (await isEndedByLeaving(tx, named.request)) throw new LatchkeyError('CONSENT_REQUEST', 'no such request is open')
    const policy = await findPolicy(tx, latchkey.policy)
    return {
      manifest: stored.signed,
      descriptors: stored.descriptors,
      deviceCertificate: deviceCertificate.parse(certificate),
      request: asked.request,
      agency: agency.data,
      policy,
    }
  }

  /** May what was consented on this request still go to its agency? */
  async function mayReceive(db: Queryable, agency: string, request: string): Promise<boolean> {
    const now = await findAgency(db, agency)
    if (now === null || now.status === 'suspended' || now.status === 'withdrawn') return false
    return !(await isEndedByLeaving(db, request))
  }

  async function publishedLog() {
    const { origin, size } = parseCheckpoint(await core.logReader.checkpoint())
    return { origin, size }
  }

  return { findCertificate, keysetInForce, loadGround, mayReceive, publishedLog }
}

/** Those functions. */
export type Crossings = ReturnType<typeof createCrossings>
