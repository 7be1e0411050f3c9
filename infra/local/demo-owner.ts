/** The owner of the demo: does by program what the phone app will do by hand, with the same shared code. */
import {
  answerHello,
  buildConsent,
  type BuiltConsent,
  cellRequests,
  checkPairingDone,
  checkPairingHello,
  clipHeaders,
  clipList,
  clipManifest,
  type ClipEntry,
  clipRequest,
  consentAccepted,
  decodeBase64url,
  defaultItems,
  deviceCertificate,
  encodeBase64url,
  LatchkeyError,
  pairingDone,
  pairingHello,
  parsePairingUrl,
  mailboxOf,
  type Policy,
  type PublicRequest,
  randomBytes,
  type Seen,
} from '@latchkey/shared'
import { createRelayClient, type RelayClient } from '@latchkey/shared/client'
import { anything } from './answers.ts'
import type { DemoParties } from './demo-parties.ts'
import { poll } from './poll.ts'

const PAIRING_TIMEOUT_MS = 60_000
const POLL_MS = 200

/** One owner at one relay. */
export interface DemoOwner {
  /** Presents the household to the relay. */
  enrol(cell: string): Promise<void>
  /** Answers the Pi's pairing code; returns the six digits both sides show. */
  pair(pairingUrl: string): Promise<string>
  /** Every clip the relay holds for this household. */
  clips(): Promise<readonly ClipEntry[]>
  /** The requests of a cell, as every phone of it fetches them. */
  requests(cell: string): Promise<readonly PublicRequest[]>
  /** Signs the decision and sends it. */
  share(decision: Decision): Promise<BuiltConsent>
}

/** What the owner decided to share with whom. */
export interface Decision {
  readonly clip: ClipEntry
  readonly request: PublicRequest
  readonly agencyName: string
  readonly policy: Policy
  readonly purpose: string
  readonly seen: Seen
}

/** @param options.nowMs the owner's clock */
export function createDemoOwner(options: {
  keys: DemoParties['owner']
  relay: string
  nowMs: () => number
}): DemoOwner {
  const { keys, relay, nowMs } = options
  const asRoot = createRelayClient({ origin: relay, signer: keys.rootSigner, nowMs })
  const asMember = createRelayClient({ origin: relay, signer: keys.signer, nowMs })
  const anyone = createRelayClient({ origin: relay, nowMs })

  return {
    async enrol(cell) {
      const json = { keyset: keys.keyset.raw, rootJwk: keys.root, cell }
      await asRoot.json('POST', '/v1/households', anything, { json })
    },
    pair: (pairingUrl) => pairDevice({ keys, anyone, asMember, pairingUrl, nowMs }),
    clips: async () => (await asMember.json('GET', '/v1/clips', clipList)).clips,
    requests: async (cell) => (await anyone.json('GET', `/v1/cells/${cell}/requests`, cellRequests)).requests,
    async share(decision) {
      const built = await signDecision({ keys, asMember, relay, nowMs, decision })
      await asMember.json('POST', '/v1/consents', consentAccepted, { json: built.submission })
      return built
    },
  }
}

interface PairingTask {
  readonly keys: DemoParties['owner']
  readonly anyone: RelayClient
  readonly asMember: RelayClient
  readonly pairingUrl: string
  readonly nowMs: () => number
}

async function pairDevice({ keys, anyone, asMember, pairingUrl, nowMs }: PairingTask): Promise<string> {
  const invitation = parsePairingUrl(pairingUrl)
  const mailbox = `/v1/pairings/${mailboxOf(invitation.secret)}`
  const waiting = { everyMs: POLL_MS, timeoutMs: PAIRING_TIMEOUT_MS }
  const { hello } = await poll('the doorbell', waiting, () => anyone.json('GET', `${mailbox}/hello`, pairingHello))
  const greeting = checkPairingHello(hello, invitation)
  const { answer, digits } = await answerHello({
    invitation,
    hello,
    keyset: keys.keyset.raw,
    rootJwk: keys.root,
    member: keys.signer,
    nowMs: nowMs(),
  })
  const salt = encodeBase64url(randomBytes(32))
  await asMember.json('POST', '/v1/devices', anything, {
    json: { deviceCertificate: answer.deviceCertificate, hello, salt },
  })
  await anyone.json('PUT', `${mailbox}/answer`, anything, { json: answer })
  const { ack } = await poll('the doorbell to accept', waiting, () =>
    anyone.json('GET', `${mailbox}/done`, pairingDone),
  )
  checkPairingDone(ack, greeting, answer)
  return digits
}

interface SigningTask {
  readonly keys: DemoParties['owner']
  readonly asMember: RelayClient
  readonly relay: string
  readonly nowMs: () => number
  readonly decision: Decision
}

async function signDecision({ keys, asMember, relay, nowMs, decision }: SigningTask): Promise<BuiltConsent> {
  const { clip } = decision
  const { headers } = await asMember.json('GET', `/v1/clips/${clip.clip}/headers`, clipHeaders)
  const fetched = new Map(
    headers.map(({ index, header, nonce }) => [
      index,
      { header: decodeBase64url(header), nonce: decodeBase64url(nonce) },
    ]),
  )
  const request = clipRequest.parse(decision.request.request)
  const items = defaultItems(clip.descriptors, request.payload)
  if (items.length === 0)
    throw new LatchkeyError('CONSENT_OUTSIDE_WINDOW', 'the clip has nothing inside the requested window')
  const plan = {
    keyset: keys.keyset,
    deviceCertificate: deviceCertificate.parse(clip.deviceCertificate),
    manifest: clipManifest.parse(clip.manifest),
    descriptors: clip.descriptors,
    request,
    agencyName: decision.agencyName,
    relayOrigin: relay,
    policy: decision.policy,
    items,
    purpose: decision.purpose,
    retentionDays: request.payload.latchkey.retentionDays,
    utcOffsetMinutes: 0,
    disclosure: null,
    seen: decision.seen,
    nowSeconds: Math.floor(nowMs() / 1000),
  }
  return buildConsent(plan, { signer: keys.signer, identity: keys.identity }, fetched)
}
