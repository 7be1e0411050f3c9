import { decodeBase64url } from '../bytes/base64url.ts'
import { equalBytes } from '../bytes/bytes.ts'
import type { PublicJwk } from '../crypto/keys.ts'
import { LatchkeyError } from '../errors.ts'
import { hashLeaf, rootOfLeaves } from '../tlog/merkle.ts'
import { type ClipManifest, clipManifest, encodeDescriptor } from '../wire/clip.ts'
import { type DeviceCertificate, deviceCertificate } from '../wire/device.ts'
import type { ClipEntry } from '../wire/http.ts'
import { isSignedBy, type Signed } from '../wire/jws.ts'
import type { Keyset } from '../wire/keyset.ts'
import { isVouchedDevice } from './keyset-chain.ts'

/**
 * What can be wrong with a clip that a relay lists, each told apart.
 * `unreadable`: manifest or certificate do not parse. `clip-swapped`: the manifest is of another clip. `signature-invalid`:
 * not signed by the certified device. `device-unknown`: no owner of this household vouched for the device.
 * `device-revoked`: signed after a
 * member took the certificate back. `device-mismatch`: the manifest names another device, certificate or epoch. `keyset-unknown`: sealed to a
 * keyset that is not of the chain. `keyset-rolled-back`: sealed to an older keyset than a clip before it. `items-replaced`: the
 * descriptors are not those that were signed. `revision-older`, `revision-conflict`: an older manifest than one seen before, or
 * another one of the same revision. `clip-missing`: a clip before this one was not listed. `clip-replaced`: the clip
 * before it is listed with another final manifest than it names. `place-impossible`: its place in the chain cannot be.
 */
export type ClipFault =
  | 'unreadable'
  | 'clip-swapped'
  | 'signature-invalid'
  | 'device-unknown'
  | 'device-revoked'
  | 'device-mismatch'
  | 'keyset-unknown'
  | 'keyset-rolled-back'
  | 'items-replaced'
  | 'revision-older'
  | 'revision-conflict'
  | 'clip-missing'
  | 'clip-replaced'
  | 'place-impossible'

/** What a device signed: its clock statement, gaps and masks stand in `manifest`. */
export interface ClipStatement {
  readonly manifest: Signed<ClipManifest>
  readonly certificate: Signed<DeviceCertificate>
}

/** What the phone thinks of one listed clip. */
export interface ClipVerdict {
  readonly entry: ClipEntry
  /** Empty: everything holds. In the order of {@link ClipFault}. */
  readonly faults: readonly ClipFault[]
  /** To be believed, shown and consented to; a fault that is about other clips only does not end that. */
  readonly isGenuine: boolean
  /** Null when it does not parse. Not to be believed unless `isGenuine`. */
  readonly statement: ClipStatement | null
  /** Sequences of the clips right before this one that are not listed: at least one where `clip-missing` stands. */
  readonly missing: { readonly first: number; readonly last: number } | null
}

/** The newest manifest of a clip that this phone ever believed. */
export interface SeenClip {
  readonly revision: number
  readonly digest: string
}

/** What an entry says of itself, whatever a phone pins and remembers: it never changes, and costs a signature. */
export interface ClipProof {
  /** Null when it does not parse. */
  readonly statement: ClipStatement | null
  /** The key in the certificate signed the manifest. */
  readonly isSigned: boolean
  /** The manifest's root covers exactly the descriptors that are listed. */
  readonly areItemsSigned: boolean
}

/** What a phone pins and remembers. */
export interface JudgeContext {
  readonly root: PublicJwk
  /** The household's keysets, oldest first; each was followed from the pinned root. */
  readonly keysets: readonly Signed<Keyset>[]
  /** By clip id. */
  readonly seen: ReadonlyMap<string, SeenClip>
  /** When a member revoked a certificate, seconds, by its digest; what was signed before stays good. */
  readonly revoked?: ReadonlyMap<string, number>
  /** Is it known that this clip was deleted, or too old to be kept? Then nothing misses it. */
  readonly isGone?: (at: ClipPlace) => boolean
  /**
   * UTC ms. A clip that ended before this is still there because somebody keeps it or shared it: its neighbours had their
   * time, and nothing misses those behind it.
   */
  readonly usualFromMs?: number
  /** Proofs that were made before; {@link proveClip} unless told. */
  readonly proofOf?: (entry: ClipEntry) => ClipProof
}

/** Where a clip stands among all of its device. */
export interface ClipPlace {
  readonly device: string
  readonly epoch: number
  readonly sequence: number
}

/** These are about the clips around: the clip itself is what its device signed. */
const ABOUT_OTHERS: ReadonlySet<ClipFault> = new Set(['clip-missing', 'clip-replaced', 'keyset-rolled-back'])

/** What the papers of an entry say; null when they do not parse. Untrusted: `entry`. */
export function parseClipEntry(entry: ClipEntry): ClipStatement | null {
  try {
    return {
      manifest: clipManifest.parse(entry.manifest),
      certificate: deviceCertificate.parse(entry.deviceCertificate),
    }
  } catch (error) {
    if (error instanceof LatchkeyError) return null
    throw error
  }
}

/** Are these exactly the descriptors that the manifest's root covers? Untrusted: `descriptors`. */
function areItemsSigned({ payload }: Signed<ClipManifest>, { descriptors }: ClipEntry): boolean {
  const { items, itemsRoot } = payload.latchkey
  if (descriptors.length !== items || descriptors.some(({ index }, i) => index !== i)) return false
  const root = rootOfLeaves(descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor))))
  return equalBytes(root, decodeBase64url(itemsRoot))
}

/**
 * Untrusted: `entry`; never throws for anything in it.
 * @param given.statement what was parsed of it already
 * @param given.seen of this clip: the very manifest that was believed before was signed then. Who reads it under another
 *   certificate is told so by the certificate's digest, which it names.
 */
export function proveClip(
  entry: ClipEntry,
  given: { readonly statement?: ClipStatement | null; readonly seen?: SeenClip | undefined } = {},
): ClipProof {
  const { seen, statement = parseClipEntry(entry) } = given
  if (statement === null) return { statement, isSigned: false, areItemsSigned: false }
  const { manifest, certificate } = statement
  return {
    statement,
    isSigned: seen?.digest === manifest.digest || isSignedBy(manifest, certificate.payload.cnf.jwk),
    areItemsSigned: areItemsSigned(manifest, entry),
  }
}

type KnowsDevice = (certificate: Signed<DeviceCertificate>) => boolean

/** All clips of a doorbell name one certificate: it is looked at once. */
function createDeviceCheck(context: JudgeContext): KnowsDevice {
  const known = new Map<string, boolean>()
  return (certificate) => {
    const answer = known.get(certificate.digest) ?? isVouchedDevice(certificate, context)
    known.set(certificate.digest, answer)
    return answer
  }
}

function* faultsAlone(
  entry: ClipEntry,
  { proof, statement }: { readonly proof: ClipProof; readonly statement: ClipStatement },
  context: JudgeContext,
  knowsDevice: KnowsDevice,
): Generator<ClipFault> {
  const { manifest, certificate } = statement
  const { latchkey } = manifest.payload
  if (latchkey.clip !== entry.clip) yield 'clip-swapped'
  if (!proof.isSigned) yield 'signature-invalid'
  if (!knowsDevice(certificate)) yield 'device-unknown'
  if (manifest.payload.iat >= (context.revoked?.get(certificate.digest) ?? Infinity)) yield 'device-revoked'
  if (
    manifest.payload.iss !== certificate.payload.sub ||
    latchkey.deviceCertificate !== certificate.digest ||
    latchkey.epoch !== certificate.payload.latchkey.epoch
  )
    yield 'device-mismatch'
  if (!context.keysets.some(({ digest }) => digest === latchkey.keyset)) yield 'keyset-unknown'
  if (!proof.areItemsSigned) yield 'items-replaced'
  const seen = context.seen.get(entry.clip)
  if (seen !== undefined && latchkey.revision < seen.revision) yield 'revision-older'
  if (seen?.revision === latchkey.revision && seen.digest !== manifest.digest) yield 'revision-conflict'
  // The clip before is named by its final manifest, which an open one cannot know yet and the first has none of.
  const hasPrevious = !latchkey.open && latchkey.sequence > 1
  if (hasPrevious !== (latchkey.previous !== null) || latchkey.endMs < latchkey.startMs) yield 'place-impossible'
}

type Judged = { readonly entry: ClipEntry; readonly statement: ClipStatement | null; readonly faults: ClipFault[] }
type Linked = Judged & { readonly statement: ClipStatement }

function judgeAlone(entry: ClipEntry, context: JudgeContext, knowsDevice: KnowsDevice): Judged {
  const proof = context.proofOf?.(entry) ?? proveClip(entry)
  const { statement } = proof
  if (statement === null) return { entry, statement, faults: ['unreadable'] }
  return { entry, statement, faults: [...faultsAlone(entry, { proof, statement }, context, knowsDevice)] }
}

const placeOf = ({ statement }: Linked) => statement.manifest.payload.latchkey
const isSound = (judged: Judged): judged is Linked =>
  judged.statement !== null && judged.faults.every((fault) => ABOUT_OTHERS.has(fault))

/** Clips of each device and epoch that stand on their own feet, by sequence. */
function chainsOf(judged: readonly Judged[]): Linked[][] {
  const chains = new Map<string, Linked[]>()
  for (const one of judged.filter(isSound)) {
    const { iss, latchkey } = one.statement.manifest.payload
    const key = `${iss} ${latchkey.epoch}`
    chains.set(key, [...(chains.get(key) ?? []), one])
  }
  return [...chains.values()].map((chain) => chain.sort((a, b) => placeOf(a).sequence - placeOf(b).sequence))
}

/** By the best that its device knew of the time. */
const endOf = ({ statement }: Linked): number => {
  const { endMs, clock } = statement.manifest.payload.latchkey
  return endMs + clock.offsetMs
}

/** Sequences between two neighbours that nothing accounts for. */
function missingBetween(
  before: Linked,
  here: Linked,
  { isGone, usualFromMs = Number.NEGATIVE_INFINITY }: JudgeContext,
): ClipVerdict['missing'] {
  if (endOf(before) < usualFromMs) return null
  const { device } = here.statement.certificate.payload.latchkey
  const { epoch, sequence: end } = placeOf(here)
  const lost: number[] = []
  for (let sequence = placeOf(before).sequence + 1; sequence < end; sequence++)
    if (isGone?.({ device, epoch, sequence }) !== true) lost.push(sequence)
  return lost.length === 0 ? null : { first: lost[0]!, last: lost.at(-1)! }
}

function judgeChain(
  chain: readonly Linked[],
  context: JudgeContext,
  missing: Map<Judged, ClipVerdict['missing']>,
): void {
  const ageOf = new Map(context.keysets.map(({ digest }, age) => [digest, age]))
  let newest = -1
  chain.forEach((here, i) => {
    const { sequence, previous, keyset } = placeOf(here)
    const before = chain[i - 1]
    if (ageOf.get(keyset)! < newest) here.faults.push('keyset-rolled-back')
    newest = Math.max(newest, ageOf.get(keyset)!)
    if (before === undefined) return
    const lost = missingBetween(before, here, context)
    if (lost !== null) {
      here.faults.push('clip-missing')
      missing.set(here, lost)
    }
    const isNext = placeOf(before).sequence === sequence - 1
    const isTwin = placeOf(before).sequence === sequence
    if (isTwin || (isNext && previous !== null && before.statement.manifest.digest !== previous))
      here.faults.push('clip-replaced')
  })
}

/**
 * Judges everything that a relay lists, together: each clip by what its device signed, and all of a device by the chain
 * from final to final. Nothing is said of clips before the oldest one listed: they may be deleted or too old.
 * Untrusted: `entries`; never throws for anything in them.
 * @param entries of all pages; each clip once
 * @returns one verdict per entry, in the order of `entries`
 * @see spec/clip-manifest.md
 */
export function judgeClips(entries: readonly ClipEntry[], context: JudgeContext): ClipVerdict[] {
  const knowsDevice = createDeviceCheck(context)
  const judged = entries.map((entry) => judgeAlone(entry, context, knowsDevice))
  const missing = new Map<Judged, ClipVerdict['missing']>()
  for (const chain of chainsOf(judged)) judgeChain(chain, context, missing)
  return judged.map((one) => ({
    entry: one.entry,
    faults: one.faults,
    isGenuine: isSound(one),
    statement: one.statement,
    missing: missing.get(one) ?? null,
  }))
}

/** What to remember of verdicts for the next time: the newest manifest of each clip that was believed. */
export function seenAfter(
  seen: ReadonlyMap<string, SeenClip>,
  verdicts: readonly ClipVerdict[],
): Map<string, SeenClip> {
  const next = new Map(seen)
  for (const { entry, isGenuine, statement } of verdicts) {
    if (!isGenuine || statement === null) continue
    const { manifest } = statement
    next.set(entry.clip, { revision: manifest.payload.latchkey.revision, digest: manifest.digest })
  }
  return next
}
