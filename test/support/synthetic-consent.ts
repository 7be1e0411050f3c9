import {
  approval,
  buildConsent,
  type ClipManifest,
  type ClipRequest,
  clipRequest,
  type Consent,
  consent,
  decodeBase64url,
  digestOf,
  digestOfJson,
  encodeDpop,
  headersDigest,
  investigatorCertificate,
  type Policy,
  type Release,
  release,
  revocation,
  type Signed,
  utf8,
} from '@latchkey/shared'
import { type createItems, type Household } from './synthetic-household.ts'
import { keep, type SyntheticOptions } from './synthetic-options.ts'
import {
  AGENCY,
  AGENCY_NAME,
  CLIP_START_MS,
  ORIGIN,
  REQUESTED_SECONDS,
  digest32,
  id16,
  type SyntheticParties,
} from './synthetic-parties.ts'

/** An investigator’s certificate and request. */
export async function createRequest(
  { requester, agency }: SyntheticParties,
  policy: Policy,
  { edits = {}, signers = {} }: SyntheticOptions,
) {
  const certificate = investigatorCertificate.parse(
    await investigatorCertificate.encode(
      (edits.investigator ?? keep)({
        iss: AGENCY,
        sub: requester.signer.urn,
        iat: REQUESTED_SECONDS - 86_400,
        exp: REQUESTED_SECONDS + 100 * 86_400,
        cnf: { jwk: requester.signer.jwk },
        latchkey: { v: 1, name: 'A. Example', role: 'Detective', recipient: requester.identity.recipient },
      }),
      signers.investigator ?? agency,
    ),
  )
  const payload: ClipRequest = {
    iss: AGENCY,
    sub: requester.signer.urn,
    aud: ORIGIN,
    jti: id16('request'),
    iat: REQUESTED_SECONDS,
    exp: REQUESTED_SECONDS + policy.requestLifeSeconds.default,
    cnf: { jwk: requester.signer.jwk },
    authorization_details: [
      {
        type: 'latchkey/clip-request',
        actions: ['decrypt'],
        window: { startMs: CLIP_START_MS - 600_000, endMs: CLIP_START_MS + 1_200_000 },
        area: [
          [52_500_000, 13_400_000],
          [52_500_000, 13_405_000],
          [52_503_000, 13_405_000],
          [52_503_000, 13_400_000],
        ],
      },
    ],
    latchkey: {
      v: 1,
      caseNumber: '26-004211',
      incidentType: 'burglary',
      reason: 'A door was forced. We look for two people on foot.',
      basis: 'voluntary',
      retentionDays: 7,
      contact: 'Detective Example, +1 555 0100',
      recipient: requester.identity.recipient,
      investigatorCertificate: certificate.digest,
      template: 'burglary-1',
      policy: digestOfJson(policy),
    },
  }
  const request = clipRequest.parse(
    await clipRequest.encode((edits.request ?? keep)(payload), signers.request ?? requester.signer),
  )
  return { certificate, request }
}

type Asked = Awaited<ReturnType<typeof createRequest>>
type Items = ReturnType<typeof createItems> & { manifest: Signed<ClipManifest> }

/** The owner’s consent to init and media, built by the phone’s own code, then changed as asked. */
export async function createConsent(
  parties: SyntheticParties,
  given: Household & Items & Asked & { policy: Policy },
  { edits = {}, signers = {}, ...options }: SyntheticOptions,
) {
  const plan = {
    ...given,
    agencyName: AGENCY_NAME,
    relayOrigin: ORIGIN,
    items: given.descriptors.filter((item) => item.kind === 'media').map((item) => item.index),
    purpose: 'case-investigation',
    retentionDays: 7,
    utcOffsetMinutes: 60,
    disclosure: options.disclosure ?? null,
    seen: null,
    nowSeconds: REQUESTED_SECONDS + 3_600,
  }
  const fetched = new Map(given.sealed.map(({ header, payload }, i) => [i, { header, nonce: payload.subarray(0, 16) }]))
  const built = await buildConsent(plan, parties.owner, fetched)
  const headers = (edits.headers ?? keep)(built.submission.headers.map(decodeBase64url))
  const payload = withHeaders(consent.parse(built.submission.consent).payload, headers)
  const raw = await consent.encode((edits.consent ?? keep)(payload), signers.consent ?? parties.owner.signer)
  const { disclosure } = built.submission
  const identityItem = disclosure === undefined ? null : decodeBase64url(disclosure)
  return { consent: consent.parse(raw), headers, notice: built.notice, identityItem }
}

function withHeaders(payload: Consent, headers: readonly Uint8Array[]): Consent {
  const [detail] = payload.authorization_details
  return { ...payload, authorization_details: [{ ...detail!, headersSha256: headersDigest(headers) }] }
}

/** The partner’s approval where the quorum is two. */
export async function createApprovals(
  parties: SyntheticParties,
  given: Signed<Consent>,
  { quorum = 1 }: SyntheticOptions,
) {
  if (quorum === 1) return []
  const payload = {
    iss: parties.root.urn,
    jti: id16('approval'),
    iat: given.payload.iat + 30,
    latchkey: { v: 1, consent: given.digest, keyset: given.payload.latchkey.keyset },
  } as const
  return [approval.parse(await approval.encode(payload, parties.partner.signer))]
}

/** The partner’s revocation where asked. */
export async function createRevocations(
  parties: SyntheticParties,
  given: Signed<Consent>,
  { isRevoked }: SyntheticOptions,
) {
  if (!isRevoked) return []
  const payload = {
    iss: parties.root.urn,
    jti: id16('revocation'),
    iat: given.payload.nbf,
    latchkey: { v: 1, revokes: given.digest, keyset: given.payload.latchkey.keyset },
  } as const
  return [revocation.parse(await revocation.encode(payload, parties.partner.signer))]
}

/** The requester’s download proof and the relay’s release. */
export async function createRelease(
  parties: SyntheticParties,
  { consent: given, request }: { consent: Signed<Consent>; request: Signed<ClipRequest> },
  { edits = {}, signers = {} }: SyntheticOptions,
) {
  const toe = given.payload.nbf + 60
  const dpop = await encodeDpop(
    {
      htm: 'POST',
      htu: `${ORIGIN}/v1/releases/${given.digest}/downloads`,
      iat: toe,
      jti: id16('dpop'),
      nonce: id16('nonce'),
      body: digest32('download'),
    },
    signers.dpop ?? parties.requester.signer,
  )
  const { items, headersSha256 } = given.payload.authorization_details[0]!
  const payload: Release = {
    iss: ORIGIN,
    aud: parties.requester.signer.urn,
    jti: id16('release'),
    iat: toe + 1,
    toe,
    latchkey: {
      v: 1,
      request: request.digest,
      consent: given.digest,
      items,
      headersSha256,
      proof: digestOf(utf8(dpop)),
      download: 1,
    },
  }
  const jws = await release.encode((edits.release ?? keep)(payload), signers.release ?? parties.relay)
  return { jws, dpop, toe }
}
