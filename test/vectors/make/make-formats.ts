/**
 * Writes ../formats.json: one whole case, from pairing to receipt, made by openssl, the age program and a JCS library,
 * without a line of the project's own code. Run by hand: node test/vectors/make/make-formats.ts
 */
import { readFileSync, writeFileSync } from 'node:fs'
import canonicalize from 'canonicalize'
import { ageSeal, fileKeyOf, generateAgeKey, headerFor, split } from './age-program.ts'
import { hkdf, hmac, publicKeyOf, sha256, sign } from './openssl.ts'

const EMPTY = Buffer.alloc(0)
const NOW = 1_800_000_000
const RELAY = 'https://relay.example'
const AGENCY = 'https://police.example'
const policy = JSON.parse(readFileSync(new URL('../../../shared/policy/us.json', import.meta.url), 'utf8')) as object

const b64u = (bytes: Buffer) => bytes.toString('base64url')
const jcs = (value: unknown) => canonicalize(value)!
const digest = (...parts: (Buffer | string)[]) => b64u(sha256(...parts))
/** Fixed, so that only age's own randomness changes between runs. */
const fixed = (name: string) => sha256(`latchkey vector ${name}`)
const id = (name: string) => b64u(fixed(name).subarray(0, 16))

function signingKey(name: string) {
  const seed = fixed(`${name} seed`)
  const publicKey = publicKeyOf('ed25519', seed)
  const jwk = { crv: 'Ed25519', kty: 'OKP', x: b64u(publicKey) }
  const thumbprint = digest(jcs(jwk))
  return { seed, publicKey, jwk, thumbprint, urn: `urn:ietf:params:oauth:jwk-thumbprint:sha-256:${thumbprint}` }
}
type SigningKey = ReturnType<typeof signingKey>

const keys = {
  root: signingKey('root'),
  member: signingKey('member'),
  second: signingKey('second'),
  device: signingKey('device'),
  agency: signingKey('agency'),
  requester: signingKey('requester'),
  relay: signingKey('relay'),
}
const age = {
  member: generateAgeKey(),
  second: generateAgeKey(),
  recovery: generateAgeKey(),
  requester: generateAgeKey(),
}

const objects: { name: string; signer: string; payload: object; raw: string; digest: string }[] = []
function signed(name: string, signer: SigningKey, payload: object, header?: object): string {
  const head = header ?? { alg: 'Ed25519', kid: signer.thumbprint, typ: `latchkey-${name}+jwt` }
  const input = `${b64u(Buffer.from(jcs(head)))}.${b64u(Buffer.from(jcs(payload)))}`
  const raw = `${input}.${b64u(sign(signer.seed, input))}`
  const owner = Object.entries(keys).find(([, key]) => key === signer)![0]
  objects.push({ name, signer: owner, payload, raw, digest: digest(raw) })
  return raw
}

// Pairing
const secret = fixed('pairing secret')
const keyset = signed('keyset', keys.root, {
  iss: keys.root.urn,
  iat: NOW - 90_000,
  latchkey: {
    v: 1,
    version: 1,
    previous: null,
    effectiveMs: (NOW - 90_000) * 1000,
    members: [
      { signingKey: keys.member.jwk, recipient: age.member.recipient, role: 'owner' },
      { signingKey: keys.second.jwk, recipient: age.second.recipient, role: 'owner' },
    ],
    recovery: age.recovery.recipient,
    quorum: 2,
  },
})
const logVkey = `relay.example/log+00000000+${Buffer.concat([Buffer.of(1), keys.relay.publicKey]).toString('base64')}`
const hello = signed('hello', keys.device, {
  iss: keys.device.urn,
  iat: NOW - 80_000,
  cnf: { jwk: keys.device.jwk },
  latchkey: { v: 1, relay: RELAY, logVkey, nonce: b64u(fixed('hello nonce')), epoch: 1 },
})
const deviceCertificate = signed('device', keys.member, {
  iss: keys.root.urn,
  sub: keys.device.urn,
  iat: NOW - 79_990,
  cnf: { jwk: keys.device.jwk },
  latchkey: { v: 1, epoch: 1, device: id('device'), keyset: digest(keyset), hello: digest(hello) },
})
const pairKey = hkdf(secret, EMPTY, 'latchkey/v1/pair')
const answer = {
  keyset,
  deviceCertificate,
  rootJwk: keys.root.jwk,
  mac: b64u(hmac(pairKey, sha256(hello), sha256(keyset), sha256(deviceCertificate))),
}
const digitsHash = sha256(hello, jcs(answer)).subarray(0, 6)
const digits = String(BigInt(`0x${digitsHash.toString('hex')}`) % 1_000_000n).padStart(6, '0')
signed('ack', keys.device, {
  iss: keys.device.urn,
  iat: NOW - 79_980,
  latchkey: { v: 1, keyset: digest(keyset), deviceCertificate: digest(deviceCertificate), epoch: 1 },
})

// Clip
const CLIP_START = (NOW - 7_200) * 1000
const kinds = ['init', 'media', 'media', 'poster', 'meta']
const items = kinds.map((kind, index) => {
  const plaintext = Buffer.from(`vector ${kind} ${index} `.repeat(index === 1 ? 4_400 : 3))
  const file = ageSeal(plaintext, [age.member.recipient, age.second.recipient, age.recovery.recipient])
  const { header, payload } = split(file)
  const fileKey = fileKeyOf(header, age.member)
  const nonce = payload.subarray(0, 16)
  const commitKey = hkdf(fileKey, nonce, 'latchkey/v1/plaintext-commitment')
  const descriptor = {
    index,
    kind,
    startMs: CLIP_START + (index === 2 ? 2_000 : 0),
    durationMs: kind === 'media' ? 2_000 : 0,
    payloadSha256: digest(payload),
    payloadBytes: payload.length,
    keyCommitment: b64u(hkdf(fileKey, nonce, 'latchkey/v1/key-commitment')),
    plaintextCommitment: b64u(hmac(commitKey, sha256(plaintext))),
  }
  return { descriptor, plaintext, header, payload, fileKey }
})
/** RFC 6962 §2.1, as its text says it. */
function root(leaves: readonly string[]): Buffer {
  if (leaves.length === 1) return sha256(Buffer.of(0), leaves[0]!)
  const k = 2 ** Math.floor(Math.log2(leaves.length - 1))
  return sha256(Buffer.of(1), root(leaves.slice(0, k)), root(leaves.slice(k)))
}
const manifest = signed('clip', keys.device, {
  iss: keys.device.urn,
  iat: NOW - 7_190,
  latchkey: {
    v: 1,
    deviceCertificate: digest(deviceCertificate),
    keyset: digest(keyset),
    epoch: 1,
    clip: id('clip'),
    event: id('event'),
    sequence: 1,
    previous: null,
    revision: 1,
    open: false,
    startMs: CLIP_START,
    endMs: CLIP_START + 4_000,
    clock: { source: 'ntp', offsetMs: -12, uncertaintyMs: 40, checkedMs: CLIP_START - 60_000 },
    boot: id('boot'),
    monotonicStartMs: 123_456,
    seen: { origin: 'relay.example/log', size: 8, sha256: digest('a checkpoint') },
    items: items.length,
    itemsRoot: b64u(root(items.map((item) => jcs(item.descriptor)))),
    gaps: [],
    masks: null,
    software: 'vector 1',
  },
})
const day = signed('day', keys.device, {
  iss: keys.device.urn,
  iat: NOW - 100,
  latchkey: {
    v: 1,
    deviceCertificate: digest(deviceCertificate),
    epoch: 1,
    fromMs: CLIP_START - 3_600_000,
    toMs: CLIP_START + 3_600_000,
    boot: id('boot'),
    keyset: digest(keyset),
    manifests: { first: 1, last: 1, head: digest(manifest) },
    events: { stream: id('stream'), first: 0, last: 0, sha256: digest('') },
    watching: [{ fromMs: CLIP_START - 3_600_000, toMs: CLIP_START + 3_600_000, state: 'on' }],
    seen: null,
  },
})

// Request
const investigator = signed('investigator', keys.agency, {
  iss: AGENCY,
  sub: keys.requester.urn,
  iat: NOW - 86_400,
  exp: NOW + 86_400 * 300,
  cnf: { jwk: keys.requester.jwk },
  latchkey: { v: 1, name: 'Investigator Vector', role: 'Detective', recipient: age.requester.recipient },
})
const windowMs = { startMs: CLIP_START - 900_000, endMs: CLIP_START + 900_000 }
const request = signed('request', keys.requester, {
  iss: AGENCY,
  sub: keys.requester.urn,
  aud: RELAY,
  jti: id('request'),
  iat: NOW - 3_600,
  exp: NOW - 3_600 + 1_209_600,
  cnf: { jwk: keys.requester.jwk },
  authorization_details: [
    {
      type: 'latchkey/clip-request',
      actions: ['decrypt'],
      window: windowMs,
      area: [
        [51_500_000, -120_000],
        [51_500_000, -114_000],
        [51_504_000, -114_000],
        [51_504_000, -120_000],
      ],
    },
  ],
  latchkey: {
    v: 1,
    caseNumber: '26-004711',
    incidentType: 'burglary',
    reason: 'A café window was broken; two people left towards the station.',
    basis: 'voluntary',
    retentionDays: 30,
    contact: 'desk@police.example',
    recipient: age.requester.recipient,
    investigatorCertificate: digest(investigator),
    template: 'burglary-1',
    policy: digest(jcs(policy)),
  },
})

// Consent
const named = items.slice(0, 3)
const headers = named.map((item, i) =>
  headerFor(item.fileKey, age.requester.publicKey, fixed(`ephemeral ${String(i)}`)),
)
const notBefore = NOW + 600
const expires = notBefore + 259_200
const at = (ms: number) => `${new Date(ms + 3_600_000).toISOString().slice(0, 19).replace('T', ' ')} UTC+01:00`
const notice = `You are asked to share a recording from your doorbell camera, a surveillance camera.
This is a question, not an order. You may ignore it. Nobody will be told.

Who asks: Vector Police (https://police.example)
Contact: desk@police.example
Case number: 26-004711
What happened: burglary
Their words: A café window was broken; two people left towards the station.
Where: between latitude 51.50000 and 51.50400, longitude -0.12000 and -0.11400
When they ask about: ${at(windowMs.startMs)} to ${at(windowMs.endMs)}

What you send: ${at(CLIP_START)} to ${at(CLIP_START + 4_000)}; 2 video pieces, 4.0 seconds, no sound
About you: nothing
What for: case-investigation
How long they promise to keep it: 30 days
Not before: ${at(notBefore * 1000)}. Until then you can undo this without a trace.
Until: ${at(expires * 1000)}, at most 3 downloads
After it is downloaded it cannot be called back; you can only tell them, on record, that you take it back.
`
const headersSha256 = digest(...headers.map((header) => sha256(header)))
const consent = signed('consent', keys.member, {
  iss: keys.root.urn,
  sub: keys.requester.urn,
  aud: [RELAY, AGENCY],
  jti: id('consent'),
  iat: NOW,
  nbf: notBefore,
  exp: expires,
  authorization_details: [
    {
      type: 'latchkey/clip-release',
      actions: ['decrypt'],
      identifier: digest(manifest),
      items: [[0, 2]],
      headersSha256,
      recipient: age.requester.recipient,
    },
  ],
  latchkey: {
    v: 1,
    request: digest(request),
    keyset: digest(keyset),
    deviceCertificate: digest(deviceCertificate),
    purpose: 'case-investigation',
    retentionDays: 30,
    maxDownloads: 3,
    disclosure: null,
    notice: { sha256: digest(notice), version: 1, language: 'en', utcOffsetMinutes: 60 },
    claimedApp: null,
    seen: null,
  },
})
signed('approval', keys.second, {
  iss: keys.root.urn,
  jti: id('approval'),
  iat: NOW + 60,
  latchkey: { v: 1, consent: digest(consent), keyset: digest(keyset) },
})
signed('revoke', keys.second, {
  iss: keys.root.urn,
  jti: id('revoke'),
  iat: NOW + 120,
  latchkey: { v: 1, revokes: digest(consent), keyset: digest(keyset) },
})

// Release
const body = Buffer.from(jcs({ download: id('download') }))
const dpop = signed(
  'dpop',
  keys.requester,
  {
    body: digest(body),
    htm: 'POST',
    htu: `${RELAY}/v1/releases/${digest(consent)}/downloads`,
    iat: NOW + 700,
    jti: id('dpop'),
    nonce: b64u(fixed('nonce')),
  },
  { alg: 'Ed25519', jwk: keys.requester.jwk, typ: 'dpop+jwt' },
)
const release = signed('release', keys.relay, {
  iss: RELAY,
  aud: keys.requester.urn,
  jti: id('release'),
  iat: NOW + 701,
  toe: NOW + 700,
  latchkey: {
    v: 1,
    request: digest(request),
    consent: digest(consent),
    items: [[0, 2]],
    headersSha256,
    proof: digest(dpop),
    download: 1,
  },
})
signed('received', keys.requester, {
  iss: AGENCY,
  sub: keys.requester.urn,
  jti: id('received'),
  iat: NOW + 800,
  latchkey: {
    v: 1,
    release: digest(release),
    consent: digest(consent),
    plaintextsSha256: digest(...named.map((item) => sha256(item.plaintext))),
    items: 3,
    tool: 'vector 1',
  },
})
signed('stored', keys.relay, {
  iss: RELAY,
  aud: keys.device.urn,
  iat: NOW,
  latchkey: { v: 1, kind: 'day', clip: null, index: null, sha256: digest(day), receivedMs: NOW * 1000 + 5 },
})
signed('mqtt', keys.relay, {
  iss: RELAY,
  sub: keys.device.urn,
  iat: NOW,
  exp: NOW + 3_600,
  latchkey: { v: 1, device: id('device') },
})

// Log
const salt = fixed('leaf salt')
const version = Buffer.alloc(8)
version.writeBigUInt64BE(1n)

const origin =
  'test/vectors/make/make-formats.ts: openssl 3 (Ed25519, X25519, SHA-256, HMAC, HKDF), age and age-keygen (items, ' +
  'identities), node:crypto (chacha20-poly1305 of the header), npm canonicalize (RFC 8785)'
const vectors = {
  origin,
  nowSeconds: NOW,
  relay: RELAY,
  agencyName: 'Vector Police',
  policy,
  keys: Object.fromEntries(
    Object.entries(keys).map(([name, { seed, jwk, thumbprint, urn }]) => [
      name,
      { seed: seed.toString('hex'), jwk, thumbprint, urn },
    ]),
  ),
  age: Object.fromEntries(
    Object.entries(age).map(([name, { identity, recipient }]) => [name, { identity, recipient }]),
  ),
  objects,
  pairing: { secret: b64u(secret), mailbox: b64u(sha256(secret).subarray(0, 16)), answer, digits },
  items: items.map(({ descriptor, plaintext, header, payload, fileKey }) => ({
    descriptor,
    canonical: jcs(descriptor),
    plaintextSha256: digest(plaintext),
    fileKey: b64u(fileKey),
    header: b64u(header),
    payload: b64u(payload),
  })),
  releaseHeaders: headers.map(b64u),
  notice,
  sealedLeaf: {
    salt: b64u(salt),
    kind: 'consent',
    data: digest(Buffer.from('latchkey/v1/leaf\0'), salt, Buffer.from('consent\0'), consent),
  },
  keysetLeaf: { version: 1, label: digest(Buffer.from('latchkey/v1/keyset\0'), keys.root.publicKey, version) },
  dpopBody: b64u(body),
}
writeFileSync(new URL('../formats.json', import.meta.url), `${JSON.stringify(vectors, null, 2)}\n`)
