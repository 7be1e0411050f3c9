/** A phone tells apart every way in which a relay can change the list of clips. */
import {
  type ClipEntry,
  type ClipManifest,
  clipManifest,
  createSigner,
  deviceCertificate,
  digestOf,
  encodeBase64url,
  encodeDescriptor,
  generateIdentity,
  hashLeaf,
  type ItemDescriptor,
  type JudgeContext,
  judgeClips,
  keyset,
  type Keyset,
  proveClip,
  randomBytes,
  rootOfLeaves,
  seenAfter,
  type Signed,
  type Signer,
} from '@latchkey/shared'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'

const START = 1_800_000_000_000
const fresh = () => encodeBase64url(randomBytes(32))
const id = () => encodeBase64url(randomBytes(16))
const [root, owner, device, foreign] = [0, 1, 2, 3].map(() => createSigner(randomBytes(32))) as [
  Signer,
  Signer,
  Signer,
  Signer,
]

async function signKeyset(version: number, previous: string | null, signer: Signer) {
  const recipient = generateIdentity().recipient
  const latchkey = {
    v: 1 as const,
    version,
    previous,
    effectiveMs: START,
    members: [{ signingKey: owner.jwk, recipient, role: 'owner' as const }],
    recovery: generateIdentity().recipient,
    quorum: 1 as const,
  }
  return keyset.parse(await keyset.encode({ iss: root.urn, iat: START / 1000, latchkey }, signer))
}

async function certify(jwk: Signer, by: Signer, keysetDigest: string, iss = root.urn) {
  const latchkey = { v: 1 as const, epoch: 0, device: id(), keyset: keysetDigest, hello: fresh() }
  const payload = { iss, sub: jwk.urn, iat: START / 1000, cnf: { jwk: jwk.jwk }, latchkey }
  return deviceCertificate.parse(await deviceCertificate.encode(payload, by))
}

const descriptorsOf = (count: number): ItemDescriptor[] =>
  Array.from({ length: count }, (_, index) => ({
    index,
    kind: index === 0 ? 'init' : 'media',
    startMs: START + index * 2_000,
    durationMs: index === 0 ? 0 : 2_000,
    payloadSha256: fresh(),
    payloadBytes: 500,
    keyCommitment: fresh(),
    plaintextCommitment: fresh(),
  }))
const rootOf = (descriptors: readonly ItemDescriptor[]) =>
  encodeBase64url(rootOfLeaves(descriptors.map((one) => hashLeaf(encodeDescriptor(one)))))

let keysets: Signed<Keyset>[]
let certificate: Awaited<ReturnType<typeof certify>>
/** Four clips in a row, as the relay should list them. */
let honest: ClipEntry[]

async function sign(
  changes: Partial<ClipManifest['latchkey']>,
  options: { descriptors?: ItemDescriptor[]; signer?: Signer; certificate?: typeof certificate } = {},
): Promise<ClipEntry> {
  const { descriptors = descriptorsOf(3), signer = device, certificate: by = certificate } = options
  const latchkey: ClipManifest['latchkey'] = {
    v: 1,
    deviceCertificate: by.digest,
    keyset: keysets[0]!.digest,
    epoch: 0,
    clip: id(),
    event: id(),
    sequence: 1,
    previous: null,
    revision: 1,
    open: false,
    startMs: START,
    endMs: START + 4_000,
    clock: { source: 'ntp', offsetMs: 0, uncertaintyMs: 40, checkedMs: START },
    boot: id(),
    monotonicStartMs: 5,
    seen: null,
    items: descriptors.length,
    itemsRoot: rootOf(descriptors),
    gaps: [{ startMs: START, endMs: START + 10, reason: 'privacy' }],
    masks: null,
    software: 'test 1',
    ...changes,
  }
  const manifest = await clipManifest.encode({ iss: signer.urn, iat: START / 1000, latchkey }, signer)
  return {
    cursor: 1,
    clip: latchkey.clip,
    manifest,
    deviceCertificate: by.raw,
    headersKeyset: latchkey.keyset,
    descriptors,
    receivedMs: START + 1_000,
    kept: false,
  }
}
const digestOfEntry = (entry: ClipEntry) => clipManifest.parse(entry.manifest).digest
const latchkeyOf = (entry: ClipEntry) => clipManifest.parse(entry.manifest).payload.latchkey

beforeAll(async () => {
  const first = await signKeyset(1, null, root)
  keysets = [first, await signKeyset(2, first.digest, owner)]
  certificate = await certify(device, owner, first.digest)
  honest = []
  for (let sequence = 1; sequence <= 4; sequence++) {
    const previous = sequence === 1 ? null : digestOfEntry(honest.at(-1)!)
    const keysetDigest = keysets[sequence < 3 ? 0 : 1]!.digest
    honest.push(await sign({ sequence, previous, keyset: keysetDigest }))
  }
})

const judge = (entries: readonly ClipEntry[], context: Partial<JudgeContext> = {}) =>
  judgeClips(entries, { root: root.jwk, keysets, seen: new Map(), ...context })
const faults = (entries: readonly ClipEntry[], context: Partial<JudgeContext> = {}) =>
  judge(entries, context).map((verdict) => verdict.faults)

describe('an honest list', () => {
  test('is genuine, in whatever order and pages it came', () => {
    fc.assert(
      fc.property(fc.shuffledSubarray([0, 1, 2, 3], { minLength: 4 }), (order) => {
        const verdicts = judge(order.map((i) => honest[i]!))
        expect(verdicts.map(({ entry }) => entry)).toEqual(order.map((i) => honest[i]!))
        expect(verdicts.flatMap((verdict) => verdict.faults)).toEqual([])
        expect(verdicts.every(({ isGenuine }) => isGenuine)).toBe(true)
      }),
    )
  })

  test('says what the device said of clock, gaps and masks', () => {
    const { statement } = judge(honest)[0]!
    expect(statement!.manifest.payload.latchkey.gaps).toEqual([
      { startMs: START, endMs: START + 10, reason: 'privacy' },
    ])
    expect(statement!.manifest.payload.latchkey.clock.uncertaintyMs).toBe(40)
  })

  test('may end with a clip that is still being recorded, and begin where older ones are gone', async () => {
    const open = await sign({ sequence: 5, open: true, keyset: keysets[1]!.digest })
    expect(faults([...honest.slice(2), open]).flat()).toEqual([])
  })

  test('may have holes that the household made', () => {
    const isGone = ({ sequence, epoch }: { sequence: number; epoch: number }) => sequence === 2 && epoch === 0
    expect(faults([honest[0]!, honest[2]!, honest[3]!], { isGone }).flat()).toEqual([])
  })
})

describe('a relay that', () => {
  const swap = async (what: string): Promise<ClipEntry[]> => {
    const [a, b, ...rest] = honest as [ClipEntry, ClipEntry, ...ClipEntry[]]
    switch (what) {
      case 'serves another clip under this id':
        return [{ ...a, manifest: b.manifest, descriptors: b.descriptors }]
      case 'changes one descriptor':
        return [{ ...a, descriptors: a.descriptors.map((one, i) => (i === 1 ? { ...one, payloadBytes: 1 } : one)) }]
      case 'leaves out the last item':
        return [{ ...a, descriptors: a.descriptors.slice(0, -1) }]
      case 'exchanges two items':
        return [{ ...a, descriptors: [a.descriptors[0]!, a.descriptors[2]!, a.descriptors[1]!] }]
      case 'signs a manifest itself':
        return [await sign({}, { signer: foreign, certificate: await certify(foreign, foreign, keysets[0]!.digest) })]
      case 'signs in the device’s name': {
        const [header, payload] = a.manifest.split('.')
        return [{ ...a, manifest: `${header!}.${payload!}.${(await sign({})).manifest.split('.')[2]!}` }]
      }
      case 'has its device vouched for by another household':
        return [await sign({}, { certificate: await certify(device, foreign, keysets[0]!.digest, foreign.urn) })]
      case 'shows another certificate of the device': {
        const other = await certify(device, owner, keysets[0]!.digest)
        return [{ ...a, deviceCertificate: other.raw }]
      }
      case 'invents a keyset':
        return [await sign({ keyset: digestOf(randomBytes(1)) })]
      case 'cuts a manifest':
        return [{ ...a, manifest: a.manifest.slice(0, -4) }]
      case 'shows a first clip that follows something':
        return [await sign({ sequence: 1, previous: digestOf(randomBytes(1)) })]
      default:
        return [a, b, ...rest]
    }
  }

  test.each([
    ['serves another clip under this id', ['clip-swapped']],
    ['changes one descriptor', ['items-replaced']],
    ['leaves out the last item', ['items-replaced']],
    ['exchanges two items', ['items-replaced']],
    ['signs a manifest itself', ['device-unknown']],
    ['signs in the device’s name', ['signature-invalid']],
    ['has its device vouched for by another household', ['device-unknown']],
    ['shows another certificate of the device', ['device-mismatch']],
    ['invents a keyset', ['keyset-unknown']],
    ['cuts a manifest', ['unreadable']],
    ['shows a first clip that follows something', ['place-impossible']],
  ])('%s: %j', async (what, expected) => {
    const [verdict] = judge(await swap(what))
    expect(verdict!.faults).toEqual(expected)
    expect(verdict!.isGenuine).toBe(false)
  })

  test('hides clips is told which, and the others stay genuine', () => {
    const verdicts = judge([honest[0]!, honest[3]!])
    expect(verdicts.map((verdict) => verdict.faults)).toEqual([[], ['clip-missing']])
    expect(verdicts[1]!.missing).toEqual({ first: 2, last: 3 })
    expect(verdicts[1]!.isGenuine).toBe(true)
  })

  test('is not suspected where a clip outlived its time: those behind it had theirs', () => {
    const { endMs } = latchkeyOf(honest[0]!)
    const shown = [honest[0]!, honest[3]!]
    expect(faults(shown, { usualFromMs: endMs + 1 })).toEqual([[], []])
    expect(faults(shown, { usualFromMs: endMs })).toEqual([[], ['clip-missing']])
  })

  test('has the device sign a clip anew is seen by the clip after it', async () => {
    const { clip, event, sequence, previous } = latchkeyOf(honest[1]!)
    const anew = await sign({ clip, event, sequence, previous })
    expect(faults([honest[0]!, anew, honest[2]!])).toEqual([[], [], ['clip-replaced']])
  })

  test('shows two clips in one place is seen', async () => {
    const twin = await sign({ sequence: 1 })
    expect(faults([honest[0]!, twin]).flat()).toEqual(['clip-replaced'])
  })

  test('goes back to an older manifest is seen by whoever saw the newer', async () => {
    const descriptors = descriptorsOf(4)
    const clip = id()
    const older = await sign({ clip, open: true }, { descriptors: descriptors.slice(0, 2) })
    const newer = await sign({ clip, revision: 2 }, { descriptors })
    const seen = seenAfter(seenAfter(new Map(), judge([older])), judge([newer]))
    expect(faults([newer], { seen })).toEqual([[]])
    expect(faults([older], { seen })).toEqual([['revision-older']])
    const fork = await sign({ clip, revision: 2 }, { descriptors: descriptors.slice(0, 3) })
    expect(faults([fork], { seen })).toEqual([['revision-conflict']])
    // What is not believed is not remembered either.
    expect(seenAfter(seen, judge([older], { seen }))).toEqual(seen)
  })

  test('lists a manifest that was believed once under another certificate is seen all the same', async () => {
    const seen = seenAfter(new Map(), judge([honest[0]!])).get(honest[0]!.clip)!
    const other = await certify(foreign, owner, keysets.at(-1)!.digest)
    const swapped = { ...honest[0]!, deviceCertificate: other.raw }
    // What was signed then needs no second look, and the manifest itself names its certificate.
    expect(proveClip(swapped, { seen }).isSigned).toBe(true)
    expect(judge([swapped], { proofOf: (entry) => proveClip(entry, { seen }) })[0]).toMatchObject({
      isGenuine: false,
      faults: ['device-mismatch'],
    })
    const forged = { ...honest[0]!, manifest: `${honest[0]!.manifest.slice(0, -6)}AAAAAA` }
    expect(proveClip(forged, { seen }).isSigned).toBe(false)
  })

  test('has later clips sealed to an older keyset is seen', async () => {
    const back = await sign({ sequence: 5, previous: digestOfEntry(honest[3]!), keyset: keysets[0]!.digest })
    const verdicts = judge([...honest, back])
    expect(verdicts.at(-1)!.faults).toEqual(['keyset-rolled-back'])
  })

  test('goes on with a device that was revoked is seen', () => {
    const revokedAt = (seconds: number) => faults([honest[0]!], { revoked: new Map([[certificate.digest, seconds]]) })
    expect(revokedAt(START / 1000)).toEqual([['device-revoked']])
    // What was signed before stays good.
    expect(revokedAt(START / 1000 + 1)).toEqual([[]])
  })

  test('sends anything at all makes nothing throw, and nothing of it genuine', () => {
    fc.assert(
      fc.property(
        fc.nat(3),
        fc.constantFrom('manifest' as const, 'deviceCertificate' as const),
        fc.nat(),
        fc.nat(63),
        (i, part, at, to) => {
          const entry = honest[i]!
          const text = entry[part]
          const where = at % text.length
          const character = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'[to]!
          fc.pre(text[where] !== character)
          const changed = { ...entry, [part]: text.slice(0, where) + character + text.slice(where + 1) }
          expect(judge([changed])[0]!.isGenuine).toBe(false)
        },
      ),
      { numRuns: 500 },
    )
  })
})
