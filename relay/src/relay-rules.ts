import {
  type Holdings,
  type NoteSigner,
  encodeVkey,
  type Policy,
  type PublicJwk,
  type Signer,
  type Trust,
} from '@latchkey/shared'
import { holdAgency, listAgencies, putAgency } from './agency/agencies.ts'
import { bundleSources } from './bundle-sources.ts'
import { type ClipDays, deleteClip, type DeletionParts, finishDeletions, keepClip, listClips } from './clip/clips.ts'
import { listDays, putDay } from './clip/days.ts'
import { listHeaders, listOriginalHeaders, putHeaders } from './clip/item-headers.ts'
import { openItem, putItem } from './clip/items.ts'
import { keepManifest, putManifest } from './clip/manifests.ts'
import { createReceiptSigner } from './clip/receipts.ts'
import { runRetention } from './clip/retention.ts'
import type { Enrolment } from './household/invitations.ts'
import {
  endConsentsOnClip,
  findGranted,
  isClipHeld,
  listGranted,
  takeDownload as takeOne,
} from './consent/consent-store.ts'
import { listConsents } from './consent/consent-history.ts'
import { submitConsent } from './consent/consents.ts'
import { submitApproval, submitRevocation } from './consent/member-words.ts'
import { forgetFacts } from './feed/household-facts.ts'
import type { HouseholdFeed } from './feed/household-feed.ts'
import type { BrokerLogins, Database, ItemStore, LeafLog, LogReader, Queryable, Transaction } from './flow.ts'
import { listHouseholdDevices } from './household/device-list.ts'
import { findDevice, revokeDevice } from './household/device-store.ts'
import { enrolDevice } from './household/devices.ts'
import { createAdmission } from './household/invitations.ts'
import { findKeysetAt, findMember, findRoot, isKeysetOf } from './household/keyset-store.ts'
import { enrolHousehold, keysetsAfter, submitKeyset } from './household/keysets.ts'
import { findProposal, pressForProposal, proposeKeyset, withdrawProposal } from './household/proposals.ts'
import { findSettings, putSettings } from './household/settings.ts'
import { type BoundRoute, bindRoutes } from './http/app.ts'
import type { CallerDirectory } from './http/callers.ts'
import type { ProofMemory } from './http/dpop.ts'
import { CLIP_ROUTES } from './http/routes/clip-routes.ts'
import { CONSENT_ROUTES } from './http/routes/consent-routes.ts'
import { EVENT_ROUTES } from './http/routes/events-routes.ts'
import { HEADER_ROUTES } from './http/routes/header-routes.ts'
import { HOUSEHOLD_ROUTES } from './http/routes/household-routes.ts'
import { INVESTIGATOR_ROUTES } from './http/routes/investigator-routes.ts'
import { LOG_ROUTES } from './http/routes/log-routes.ts'
import { PAIRING_ROUTES } from './http/routes/pairing-routes.ts'
import { PUBLIC_ROUTES } from './http/routes/public-routes.ts'
import { SETTINGS_ROUTES } from './http/routes/settings-routes.ts'
import type { Clock } from './kernel/clock.ts'
import type { Failpoints } from './kernel/failpoint.ts'
import type { LeafSettler } from './kernel/leaf-settler.ts'
import type { Log } from './kernel/log.ts'
import type { WitnessPlace } from './log/witnesses.ts'
import { createMailboxes } from './pairing/mailbox.ts'
import { listApps } from './policy/apps.ts'
import {
  announcedOf,
  enactDuePolicy,
  findPublicPolicy,
  findRules,
  holdPolicy,
  listPolicies,
} from './policy/policies.ts'
import { createPushRules, type PushCore } from './push-rules.ts'
import { type Crossings, createCrossings } from './relay-crossings.ts'
import { loadBundle } from './release/bundle.ts'
import { submitReceived } from './release/received.ts'
import { submitSharedOn } from './release/shared-on.ts'
import { openReleasedItem } from './release/released-item.ts'
import { takeDownload } from './release/downloads.ts'
import { findInvestigator, findPublicRequest, listCell } from './request/request-store.ts'
import { tellMonths } from './register/months.ts'
import { findEntry, putEntry } from './register/register.ts'
import { submitOutcome } from './request/outcomes.ts'
import { submitRequest } from './request/requests.ts'

const DAY_MS = 24 * 3_600_000

/** Everything below the rules, already running. */
export interface RelayCore extends PushCore {
  readonly database: Database
  readonly items: ItemStore
  readonly leaves: LeafLog
  readonly settler: LeafSettler
  readonly feed: HouseholdFeed
  readonly logReader: LogReader
  readonly clock: Clock
  readonly log: Log
  readonly failpoints: Failpoints
  readonly publicOrigin: string
  readonly signer: Signer
  readonly logSigner: NoteSigner
  /** Of the log. */
  readonly witnesses: { readonly places: readonly WitnessPlace[]; readonly quorum: number }
  readonly brokerUrl: string
  /** Broker logins of devices. */
  readonly logins: BrokerLogins
  readonly enrolment: Enrolment
  /** As configured, within the rules in force; null for their default. */
  readonly retentionDays: number | null
  readonly batchMs: number
  readonly operator: string | null
  /** What this relay holds, where these rules count. */
  holdings(rules: RunningRules): Holdings
}

/** What of the holdings the rules in force decide. */
export type RunningRules = Pick<Holdings['running'], 'policy' | 'announced' | 'retentionDays'>

/** The stages, joined: what HTTP and the jobs call. */
export interface RelayRules {
  readonly callers: CallerDirectory
  readonly routes: readonly BoundRoute[]
  retain(): Promise<unknown>
  tellMonths(): Promise<unknown>
  daily(): Promise<unknown>
  /** Rules whose notice is over come into force. */
  enactRules(): Promise<void>
  sweep(): Promise<void>
}

/** By the rules that count now: an operator's longer wish waits with them. */
function daysOf({ retentionDays }: RelayCore, { retentionDays: ruled }: Policy): ClipDays {
  return { usual: Math.min(retentionDays ?? ruled.default, ruled.maximum), kept: ruled.maximum }
}

const rulesNow = ({ database, clock }: RelayCore) => findRules(database, clock.nowMs())
const daysNow = async (core: RelayCore): Promise<ClipDays> => daysOf(core, (await rulesNow(core)).inForce.policy)

async function describeNow(core: RelayCore): Promise<Holdings> {
  const { inForce, announced } = await rulesNow(core)
  const next = announced === null ? null : announcedOf(announced)
  return core.holdings({
    policy: inForce.digest,
    announced: next && { digest: next.digest, fromMs: next.fromMs },
    retentionDays: daysOf(core, inForce.policy),
  })
}

/** The trust file as this relay tells it: a proposal, which the verifier's owner compares with other sources. */
async function trustOf(core: RelayCore): Promise<Trust> {
  const agencies = await listAgencies(core.database)
  const active = agencies.filter(({ status }) => status === 'active' || status === 'pilot')
  return {
    v: 1,
    logs: [encodeVkey(core.logSigner.key)],
    witnesses: core.witnesses.places.map(({ key }) => encodeVkey(key)),
    quorum: core.witnesses.quorum,
    agencies: active.map(({ uri, keys }) => ({ uri, keys })),
    relays: [{ origin: core.publicOrigin, jwk: core.signer.jwk }],
  }
}

function householdRoutes(core: RelayCore): BoundRoute[] {
  const keysetParts = { ...core, admit: createAdmission(core.enrolment) }
  const deviceParts = { ...core, logVkey: encodeVkey(core.logSigner.key), touch: core.feed.touch }
  return bindRoutes(HOUSEHOLD_ROUTES, {
    enrolHousehold: (submission) => enrolHousehold(keysetParts, submission),
    submitKeyset: (root, raw) => submitKeyset(keysetParts, root, raw),
    proposeKeyset: (root, raw) => proposeKeyset(keysetParts, root, raw),
    findProposal: (root) => findProposal(keysetParts, root),
    withdrawProposal: (root) => withdrawProposal(keysetParts, root),
    pressForProposal: (root, rawAck) => pressForProposal(keysetParts, root, rawAck),
    keysetsAfter: (root, afterIndex) => keysetsAfter(keysetParts, root, afterIndex),
    enrolDevice: (caller, raw) => enrolDevice(deviceParts, caller, raw),
    listDevices: (root) => listHouseholdDevices(core.database, root),
    issueMqttCredential: async (caller) => ({ ...(await core.logins.issue(caller)), url: core.brokerUrl }),
  })
}

function phoneRoutes({ database, feed }: RelayCore, { keysetInForce }: Crossings): BoundRoute[] {
  const settingsParts = { database, tell: feed.tell }
  const headerParts = { database, tell: feed.tell, keysetInForce }
  return [
    ...bindRoutes(SETTINGS_ROUTES, {
      findSettings: (root) => findSettings(database, root),
      putSettings: (root, change) => putSettings(settingsParts, root, change),
    }),
    ...bindRoutes(EVENT_ROUTES, { openFeed: feed.open }),
    ...bindRoutes(HEADER_ROUTES, {
      listHeaders: (root, clip) => listHeaders(database, root, clip),
      listOriginalHeaders: (root, clip) => listOriginalHeaders(database, root, clip),
      putHeaders: (root, set) => putHeaders(headerParts, root, set),
    }),
  ]
}

function clipRoutes(core: RelayCore, crossings: Crossings, deletion: DeletionParts): BoundRoute[] {
  const { database } = core
  const parts = {
    ...core,
    signReceipt: createReceiptSigner(core.publicOrigin, core.signer),
    findCertificate: crossings.findCertificate,
    isKeysetOf,
    tell: core.feed.tell,
  }
  return bindRoutes(CLIP_ROUTES, {
    putItem: (caller, upload) => putItem(parts, caller, upload),
    putManifest: (caller, clip, upload) => putManifest(parts, caller, clip, upload),
    putDay: (caller, upload) => putDay(parts, caller, upload),
    listDays: (root) => listDays(database, root, core.clock.nowMs()),
    listClips: async (root, after) => ({ ...(await listClips(database, root, after)), days: await daysNow(core) }),
    openItem: (root, clip, index) => openItem(core, root, { clip, index }),
    keepClip: (root, keep) => keepClip(deletion, root, keep),
    deleteClip: (root, clip) => deleteClip(deletion, root, clip),
  })
}

function consentRoutes(core: RelayCore, crossings: Crossings): BoundRoute[] {
  const { database, clock } = core
  const { tell } = core.feed
  const consentParts = { ...core, ...crossings, keepManifest, tell }
  const wordParts = {
    ...core,
    ...crossings,
    tell,
    revokeDevice: async (tx: Transaction, root: string, certificate: string) => {
      const device = await revokeDevice(tx, { root, certificate, nowMs: clock.nowMs() })
      if (device !== null) await core.logins.end(tx, device)
      return device !== null
    },
  }
  return bindRoutes(CONSENT_ROUTES, {
    submitConsent: (caller, submission) => submitConsent(consentParts, caller, submission),
    listConsents: (root, after) => listConsents(database, root, { after, nowMs: clock.nowMs() }),
    submitApproval: (caller, raw) => submitApproval(wordParts, caller, raw),
    submitRevocation: (caller, raw) => submitRevocation(wordParts, caller, raw),
  })
}

function investigatorRoutes(core: RelayCore, crossings: Crossings): BoundRoute[] {
  const { database, clock } = core
  const requestParts = { ...core, holdAgency, holdPolicy, prove: core.logReader.prove }
  const releaseParts = {
    ...core,
    sources: bundleSources,
    prove: core.logReader.prove,
    tell: core.feed.tell,
    graceSeconds: async (db: Queryable) => (await findRules(db, clock.nowMs())).inForce.policy.downloadGraceSeconds,
    findGrant: (db: Queryable, consent: string, requester: string) =>
      findGranted(db, consent, { requester, nowMs: clock.nowMs() }),
    takeDownload: (tx: Queryable, consent: string) => takeOne(tx, consent, clock.nowMs()),
    keysetAt: findKeysetAt,
    mayReceive: crossings.mayReceive,
    openItem: (root: string, item: { clip: string; index: number; header: Uint8Array }) => openItem(core, root, item),
  }
  return bindRoutes(INVESTIGATOR_ROUTES, {
    submitRequest: (thumbprint, raw) => submitRequest(requestParts, thumbprint, raw),
    submitOutcome: (thumbprint, raw) => submitOutcome({ ...core, holdAgency }, thumbprint, raw),
    listReleases: ({ thumbprint }) => listGranted(database, thumbprint, clock.nowMs()),
    takeDownload: (caller, asked) => takeDownload(releaseParts, caller, asked),
    openReleasedItem: (caller, wanted) => openReleasedItem(releaseParts, caller, wanted),
    loadBundle: (caller, download) => loadBundle(releaseParts, caller, download),
    submitReceived: (caller: { kind: 'investigator'; thumbprint: string; jwk: PublicJwk }, raw) =>
      submitReceived({ ...core, tell: core.feed.tell }, caller, raw),
    submitSharedOn: (caller, raw) => submitSharedOn({ ...core, tell: core.feed.tell }, caller, raw),
    retryAfterMs: Math.min(core.batchMs, 5_000),
  })
}

function publicRoutes(core: RelayCore): BoundRoute[] {
  const { database, clock } = core
  return bindRoutes(PUBLIC_ROUTES, {
    policy: async () => (await rulesNow(core)).inForce.policy,
    trust: () => trustOf(core),
    holdings: () => describeNow(core),
    listAgencies: () => listAgencies(database),
    listApps: () => listApps(database),
    putAgency: (submission) => putAgency({ ...core, holdPolicy }, submission),
    listCell: (cell) => listCell(database, cell, clock.nowMs()),
    findPublicRequest: (digest) => findPublicRequest(database, digest),
    putEntry: (submission) => putEntry(core, submission),
    findEntry: (digest) => findEntry(database, digest),
    listPolicies: () => listPolicies(database, clock.nowMs()),
    findPublicPolicy: (digest) => findPublicPolicy(database, digest),
  })
}

/** Joins the stages: the one place that knows them all. */
export function createRules(core: RelayCore, proofs: ProofMemory): RelayRules {
  const { database, clock } = core
  const crossings = createCrossings(core)
  const mailboxes = createMailboxes(core)
  const pushes = createPushRules(core)
  const deletion: DeletionParts = {
    ...core,
    endConsents: (tx, root, clip) => endConsentsOnClip(tx, root, clip, clock.nowMs()),
    tell: core.feed.tell,
  }
  return {
    callers: {
      operator: core.operator,
      findRoot: (thumbprint) => findRoot(database, thumbprint),
      findMember: (thumbprint) => findMember(database, thumbprint, clock.nowMs()),
      findDevice: (thumbprint) => findDevice(database, thumbprint),
      findInvestigator: (thumbprint) => findInvestigator(database, thumbprint),
    },
    routes: [
      ...bindRoutes(PAIRING_ROUTES, { putLetter: mailboxes.put, getLetter: mailboxes.get }),
      ...householdRoutes(core),
      ...phoneRoutes(core, crossings),
      ...pushes.routes,
      ...clipRoutes(core, crossings, deletion),
      ...bindRoutes(LOG_ROUTES, core.logReader),
      ...publicRoutes(core),
      ...consentRoutes(core, crossings),
      ...investigatorRoutes(core, crossings),
    ],
    retain: async () => {
      const days = await daysNow(core)
      await forgetFacts(database, clock.nowMs() - days.usual * DAY_MS)
      return runRetention({ ...deletion, log: core.log, days, isHeld: isClipHeld })
    },
    tellMonths: () => tellMonths(core),
    daily: pushes.daily,
    enactRules: () => enactDuePolicy(core),
    sweep: async () => {
      await core.settler.recover()
      await finishDeletions(deletion)
      await proofs.forget(clock.nowMs())
      await mailboxes.sweep()
    },
  }
}
