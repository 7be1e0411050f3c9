/** Bodies of the HTTP interface that are not themselves signed objects. @see spec/http.md */
import { Type, type Static } from 'typebox'
import { ItemDescriptor, MAX_ITEMS } from './clip.ts'
import {
  AgencyUri,
  B64u,
  B64u32,
  CompactJws,
  Count,
  DigestField,
  EpochMs,
  Exact,
  Geohash5,
  Id16,
  Jwk,
  Line,
  Nullable,
} from './fields.ts'
import { createValidator } from './schema.ts'

/** `POST /v1/households`: the root presents the first keyset. */
export const HouseholdEnrolment = Exact({
  keyset: CompactJws,
  rootJwk: Jwk,
  cell: Geohash5,
  invitation: Type.Optional(Line(200)),
})
export type HouseholdEnrolment = Static<typeof HouseholdEnrolment>

/** `POST /v1/keysets`: the next keyset; `ack` is the device's where a member is added. */
export const KeysetSubmission = Exact({ keyset: CompactJws, ack: Type.Optional(CompactJws) })
export const KeysetAccepted = Exact({ keyset: DigestField, index: Count })
/** A keyset with what stands behind its change, so that everybody can judge it again. */
export const ListedKeyset = Exact({
  keyset: CompactJws,
  /** Of its leaf in the log. */
  index: Count,
  /** Where a member was added: the button's, and whose it is. */
  press: Nullable(Exact({ ack: CompactJws, deviceCertificate: CompactJws })),
  approvals: Type.Array(CompactJws, { maxItems: 16 }),
})
export type ListedKeyset = Static<typeof ListedKeyset>
export const KeysetList = Exact({ keysets: Type.Array(ListedKeyset) })
export type KeysetList = Static<typeof KeysetList>

/** `PUT /v1/keysets/proposed`: the next keyset by an owner, before button and approvals. */
export const KeysetProposal = Exact({ keyset: CompactJws })
/** `GET /v1/keysets/proposed` */
export const ProposedKeyset = Exact({
  keyset: CompactJws,
  proposedMs: EpochMs,
  approvals: Type.Array(CompactJws, { maxItems: 16 }),
})
export type ProposedKeyset = Static<typeof ProposedKeyset>
/** `POST /v1/keysets/proposed/press` */
export const ButtonPress = Exact({ ack: CompactJws })

/** `GET /v1/devices`: every device that the household ever vouched for, the oldest first. */
export const DeviceList = Exact({
  devices: Type.Array(
    Exact({
      deviceCertificate: CompactJws,
      acceptedMs: EpochMs,
      /** Where its sealed leaf stands, and what unseals it; null while it is on its way. */
      salt: B64u32,
      index: Nullable(Count),
      /** Of this certificate, the oldest first. */
      revocations: Type.Array(
        Exact({ revocation: CompactJws, salt: B64u32, index: Nullable(Count), receivedMs: EpochMs }),
      ),
    }),
  ),
})
export type DeviceList = Static<typeof DeviceList>

/** `PUT /v1/clips/{clip}/manifest`: the manifest and every descriptor its root covers, in index order. */
export const ManifestUpload = Exact({
  manifest: CompactJws,
  descriptors: Type.Array(ItemDescriptor, { minItems: 1, maxItems: MAX_ITEMS }),
})
export type ManifestUpload = Static<typeof ManifestUpload>

/** `PUT /v1/days/{digest}`. */
export const DayUpload = Exact({ day: CompactJws, salt: B64u32 })

/** `GET /v1/days` (member): what the household's doorbells said that they watched, newest first: of ten days, and at most two hundred. */
export const DayList = Exact({ days: Type.Array(CompactJws) })
export type DayList = Static<typeof DayList>

/** The relay's signed word that something is durable. */
export const StoredAnswer = Exact({ receipt: CompactJws })
export type StoredAnswer = Static<typeof StoredAnswer>

/** `POST /v1/mqtt-credentials`. */
export const MqttCredentials = Exact({
  username: Line(255),
  password: Line(16_384),
  expiresMs: EpochMs,
  url: Line(300),
})
export type MqttCredentials = Static<typeof MqttCredentials>

/** One clip as its household lists it: the newest manifest that the relay holds. */
export const ClipEntry = Exact({
  cursor: Count,
  clip: Id16,
  manifest: CompactJws,
  deviceCertificate: CompactJws,
  descriptors: Type.Array(ItemDescriptor),
  /** The keyset that the headers of all these items were wrapped for anew; null: the manifest's own. */
  headersKeyset: Nullable(DigestField),
  /** When the newest manifest came, by the relay's clock: the clip's time runs from here. */
  receivedMs: EpochMs,
  /** Did a member ask to keep it longer? */
  kept: Type.Boolean(),
})
export type ClipEntry = Static<typeof ClipEntry>
/** `days`: how long the relay keeps a clip, and one that a member keeps. */
export const ClipList = Exact({
  clips: Type.Array(ClipEntry),
  next: Nullable(Count),
  days: Exact({ usual: Count, kept: Count }),
})
export type ClipList = Static<typeof ClipList>

/**
 * `GET /v1/clips/{clip}/headers`: per item, the header and the payload's first 16 bytes, base64url. `keyset` is the one
 * whose members all of them were wrapped for anew; null for the device's own.
 */
export const ClipHeaders = Exact({
  keyset: Nullable(DigestField),
  headers: Type.Array(Exact({ index: Count, header: B64u(8_192), nonce: B64u(22) })),
})
export type ClipHeaders = Static<typeof ClipHeaders>

/** `PUT /v1/clips/{clip}/headers/{keyset}`: one header per item that the newest manifest names, index order. */
export const HeadersUpload = Exact({ headers: Type.Array(B64u(5_462), { minItems: 1, maxItems: MAX_ITEMS }) })
export type HeadersUpload = Static<typeof HeadersUpload>

/** A request as the public sees it. */
export const PublicRequest = Exact({ request: CompactJws, investigatorCertificate: CompactJws, index: Count })
export type PublicRequest = Static<typeof PublicRequest>
/** Of one cell, the oldest first; the limits of agencies keep real cells far below. */
export const MAX_CELL_REQUESTS = 500
export const CellRequests = Exact({
  cell: Geohash5,
  requests: Type.Array(PublicRequest, { maxItems: MAX_CELL_REQUESTS }),
})
export type CellRequests = Static<typeof CellRequests>

/** `POST /v1/requests` accepted; `proof` is a c2sp.org/tlog-proof@v1 file. */
export const RequestAccepted = Exact({ digest: DigestField, index: Count, proof: Line(65_536) })
export type RequestAccepted = Static<typeof RequestAccepted>

/** Agencies: `POST /v1/agencies` (operator), `GET /v1/agencies` (anyone). */
export const AgencyStatus = Type.Union([
  Type.Literal('pilot'),
  Type.Literal('active'),
  Type.Literal('suspended'),
  Type.Literal('withdrawn'),
])
export const AgencyEntry = Exact({
  uri: AgencyUri,
  name: Line(200),
  kind: Line(64),
  status: AgencyStatus,
  keys: Type.Array(Jwk, { minItems: 1, maxItems: 16 }),
  sinceMs: EpochMs,
  /** First moment at which its requests are taken. */
  noticeUntilMs: EpochMs,
  /** The leaf that says all this. */
  index: Count,
  /** The leaf with which the notice of these keys began. */
  noticeIndex: Count,
})
export type AgencyEntry = Static<typeof AgencyEntry>
export const AgencySubmission = Exact({
  uri: AgencyUri,
  name: Line(200),
  kind: Line(64),
  status: AgencyStatus,
  keys: Type.Array(Jwk, { minItems: 1, maxItems: 16 }),
})
export type AgencySubmission = Static<typeof AgencySubmission>
export const AgencyList = Exact({ agencies: Type.Array(AgencyEntry) })
export type AgencyList = Static<typeof AgencyList>

/** `GET /v1/policies` (anyone): every policy entry of the log, in its order, and what follows from them. @see spec/policy.md */
export const PolicyList = Exact({
  /** `hour`: of the leaf. */
  policies: Type.Array(Exact({ digest: DigestField, index: Count, hour: Count })),
  inForce: DigestField,
  /** Looser rules that wait. `fromMs`: they cannot count before. */
  announced: Nullable(Exact({ digest: DigestField, index: Count, fromMs: EpochMs })),
})
export type PolicyList = Static<typeof PolicyList>

/** `GET /v1/apps` (anyone): web apps as this relay's operator published them, in log order. */
export const AppList = Exact({ apps: Type.Array(Exact({ name: Line(64), digest: DigestField, index: Count })) })
export type AppList = Static<typeof AppList>

/** `POST /v1/consents` (and approvals): what the owner learns. `pending` until the consent's leaf is under a checkpoint. */
export const ConsentAccepted = Exact({
  consent: DigestField,
  state: Type.Union([Type.Literal('pending'), Type.Literal('logged'), Type.Literal('awaiting-approval')]),
})
export type ConsentAccepted = Static<typeof ConsentAccepted>
/** Where the sealed leaf of an object stands, null until it is published, and what unseals it. */
const leaf = { salt: B64u32, index: Nullable(Count) }
/** A consent and all that became of it, as every member of its household may see it. */
export const ConsentEntry = Exact({
  cursor: Count,
  consent: CompactJws,
  clip: Id16,
  receivedMs: EpochMs,
  /** When it was revoked, or its clip deleted. */
  endedMs: Nullable(EpochMs),
  ...leaf,
  /** How many of the consent's `maxDownloads` are taken. */
  downloads: Count,
  state: Type.Enum(['pending', 'awaiting-approval', 'waiting', 'live', 'used', 'expired', 'revoked']),
  approvals: Type.Array(Exact({ approval: CompactJws, ...leaf })),
  revocations: Type.Array(Exact({ revocation: CompactJws, ...leaf, receivedMs: EpochMs })),
  releases: Type.Array(
    Exact({
      release: CompactJws,
      ...leaf,
      takenMs: EpochMs,
      receipts: Type.Array(Exact({ received: CompactJws, ...leaf, receivedMs: EpochMs })),
      sharedOn: Type.Array(Exact({ sharedOn: CompactJws, ...leaf, receivedMs: EpochMs })),
    }),
  ),
})
export type ConsentEntry = Static<typeof ConsentEntry>
/** `GET /v1/consents?after=` (member). */
export const ConsentList = Exact({ consents: Type.Array(ConsentEntry) })
export type ConsentList = Static<typeof ConsentList>

/** `POST /v1/approvals`, `POST /v1/revocations`, `POST /v1/received`. */
export const ApprovalSubmission = Exact({ approval: CompactJws, salt: B64u32 })
export const RevocationSubmission = Exact({ revocation: CompactJws, salt: B64u32 })
export const ReceivedSubmission = Exact({ received: CompactJws, salt: B64u32 })
export const Accepted = Exact({ digest: DigestField })

/** `GET /v1/releases` (investigator): consents to this key, from `nbf` on. */
export const ReleaseList = Exact({
  releases: Type.Array(Exact({ consent: CompactJws, request: DigestField, downloads: Count })),
})
export type ReleaseList = Static<typeof ReleaseList>

/** `POST /v1/releases/{consent}/downloads`. */
export const DownloadRequest = Exact({ download: Id16 })
export const DownloadAnswer = Exact({ download: Id16, release: CompactJws, untilMs: EpochMs })
export type DownloadAnswer = Static<typeof DownloadAnswer>
/** 202: the release leaf is not yet under a checkpoint; repeat the same request. */
export const DownloadPending = Exact({ download: Id16, retryAfterMs: Count })

export const downloadAnswer = createValidator(DownloadAnswer)
export const manifestUpload = createValidator(ManifestUpload)
export const clipList = createValidator(ClipList)
export const clipHeaders = createValidator(ClipHeaders)
export const cellRequests = createValidator(CellRequests)
export const mqttCredentials = createValidator(MqttCredentials)
export const deviceList = createValidator(DeviceList)
export const dayList = createValidator(DayList)
export const keysetList = createValidator(KeysetList)
export const proposedKeyset = createValidator(ProposedKeyset)
export const keysetAccepted = createValidator(KeysetAccepted)
export const storedAnswer = createValidator(StoredAnswer)
export const agencyList = createValidator(AgencyList)
export const requestAccepted = createValidator(RequestAccepted)
export const consentAccepted = createValidator(ConsentAccepted)
export const releaseList = createValidator(ReleaseList)
export const appList = createValidator(AppList)
export const policyList = createValidator(PolicyList)
export const consentList = createValidator(ConsentList)
