import { fromUtf8 } from '../bytes/bytes.ts'
import { parseCanonicalJson } from '../bytes/canonical-json.ts'
import { assertIdentityItem, IDENTITY_ITEM_BYTES } from '../consent/identity-item.ts'
import { parseRecipient, type PublicJwk, rawKeyOf } from '../crypto/keys.ts'
import {
  type BundleAgency,
  bundleAgency,
  type BundleItems,
  bundleItems,
  type BundleLeaves,
  bundleLeaves,
  bundleRoot,
} from '../wire/bundle.ts'
import { type ClipManifest, clipManifest } from '../wire/clip.ts'
import { type Approval, approval, type Consent, consent, type Revocation, revocation } from '../wire/consent.ts'
import { type DeviceCertificate, deviceCertificate } from '../wire/device.ts'
import { type DpopProof, parseDpop } from '../wire/dpop.ts'
import type { MessageType, Signed } from '../wire/jws.ts'
import { type Ack, ack, type Keyset, keyset } from '../wire/keyset.ts'
import { type Policy, policy } from '../wire/policy.ts'
import { type Release, release } from '../wire/release.ts'
import {
  type ClipRequest,
  clipRequest,
  type InvestigatorCertificate,
  investigatorCertificate,
} from '../wire/request.ts'
import { parseWith, type Validator } from '../wire/schema.ts'
import { IDENTITY_ITEM, keysetPath, numberedPath, PROOF_FILES } from './bundle-paths.ts'
import { bundleFinding, type BundleFinding, catchFinding } from './finding.ts'

/** One keyset and what accompanied its change. */
export interface KeysetEntry {
  readonly keyset: Signed<Keyset>
  readonly ack: { readonly signed: Signed<Ack>; readonly certificate: Signed<DeviceCertificate> } | null
  readonly approvals: readonly Signed<Approval>[]
}

/** Every proof file of a bundle, parsed: forms are checked, signatures not yet. */
export interface BundleCase {
  readonly root: PublicJwk
  /** Version 1 first. */
  readonly keysets: readonly KeysetEntry[]
  readonly device: Signed<DeviceCertificate>
  readonly manifest: Signed<ClipManifest>
  readonly items: BundleItems
  readonly request: Signed<ClipRequest>
  readonly investigator: Signed<InvestigatorCertificate>
  readonly agency: BundleAgency
  readonly policy: Policy
  readonly consent: Signed<Consent>
  readonly approvals: readonly Signed<Approval>[]
  readonly release: Signed<Release> | null
  readonly dpop: DpopProof | null
  readonly revocations: readonly Signed<Revocation>[]
  readonly leaves: BundleLeaves
  /** The sealed identity item that the consent names; null where it names none. */
  readonly disclosure: Uint8Array | null
}

/** Bundle files by path. */
export type BundleFiles = ReadonlyMap<string, Uint8Array>

/** Longest JSON file of a bundle: `items.json` of 4,096 items. */
const MAX_JSON_BYTES = 8 * 1024 * 1024
const MAX_JWS_FILE_BYTES = 16_384

/** The outcome of reading the proof files: a case when all of them parse. */
export interface ParsedBundle {
  readonly bundleCase: BundleCase | null
  readonly findings: readonly BundleFinding[]
  /** Every proof file that was read, in reading order. */
  readonly read: readonly string[]
}

/** Reads files and remembers which, and what was wrong with them. */
class ProofReader {
  readonly findings: BundleFinding[] = []
  readonly read: string[] = []
  readonly #files: BundleFiles

  constructor(files: BundleFiles) {
    this.#files = files
  }

  has(path: string): boolean {
    return this.#files.has(path)
  }

  #parse<T>(path: string, maxBytes: number, parse: (bytes: Uint8Array) => T): T | null {
    this.read.push(path)
    const bytes = this.#files.get(path)
    if (bytes === undefined) {
      this.findings.push(bundleFinding('BUNDLE_INVALID', path, 'the file is missing'))
      return null
    }
    if (bytes.length > maxBytes) {
      this.findings.push(bundleFinding('MESSAGE_TOO_LARGE', path, `the file has more than ${maxBytes} bytes`))
      return null
    }
    return catchFinding(this.findings, path, () => parse(bytes))
  }

  jws<T>(path: string, type: Pick<MessageType<T>, 'parse'>): Signed<T> | null {
    return this.#parse(path, MAX_JWS_FILE_BYTES, (bytes) => type.parse(fromUtf8(bytes)))
  }

  json<T>(path: string, validator: Validator<T>): T | null {
    return this.#parse(path, MAX_JSON_BYTES, (bytes) => parseWith(validator, parseCanonicalJson(bytes), path))
  }

  /** Its length and header, nothing more without the key. */
  identity(path: string): Uint8Array | null {
    return this.#parse(path, IDENTITY_ITEM_BYTES, (bytes) => {
      assertIdentityItem(bytes)
      return bytes
    })
  }

  dpop(path: string): DpopProof | null {
    return this.#parse(path, MAX_JWS_FILE_BYTES, (bytes) => parseDpop(fromUtf8(bytes)))
  }

  /** Consecutive files from number 1 on. */
  numbered<T>(pathOf: (number: number) => string, type: Pick<MessageType<T>, 'parse'>): (Signed<T> | null)[] {
    const found: (Signed<T> | null)[] = []
    while (this.has(pathOf(found.length + 1))) found.push(this.jws(pathOf(found.length + 1), type))
    return found
  }
}

function readKeyset(reader: ProofReader, version: number): KeysetEntry | null {
  const signed = reader.jws(keysetPath(version), keyset)
  const approvals = reader.numbered((number) => keysetPath(version, `approval-${number}`), approval)
  let accompanied: KeysetEntry['ack'] = null
  if (reader.has(keysetPath(version, 'ack')) || reader.has(keysetPath(version, 'device'))) {
    const pressed = reader.jws(keysetPath(version, 'ack'), ack)
    const certificate = reader.jws(keysetPath(version, 'device'), deviceCertificate)
    if (pressed === null || certificate === null) return null
    accompanied = { signed: pressed, certificate }
  }
  if (signed === null || !allRead(approvals)) return null
  return { keyset: signed, ack: accompanied, approvals }
}

function allRead<T>(values: readonly (T | null)[]): values is T[] {
  return values.every((value) => value !== null)
}

function readKeysets(reader: ProofReader): (KeysetEntry | null)[] {
  const entries = [readKeyset(reader, 1)]
  while (reader.has(keysetPath(entries.length + 1))) entries.push(readKeyset(reader, entries.length + 1))
  return entries
}

/** Every key and recipient that any check will use: encodings and orders, before anything is verified with them. */
function checkKeys(bundleCase: BundleCase): BundleFinding[] {
  const findings: BundleFinding[] = []
  const check = (file: string, jwks: readonly PublicJwk[], recipients: readonly string[] = []) =>
    catchFinding(findings, file, () => {
      jwks.forEach(rawKeyOf)
      recipients.forEach(parseRecipient)
    })
  const { request, investigator, agency } = bundleCase
  check(PROOF_FILES.root, [bundleCase.root])
  for (const { keyset, ack } of bundleCase.keysets) {
    const { version, members, recovery } = keyset.payload.latchkey
    check(
      keysetPath(version),
      members.map((member) => member.signingKey),
      [...members.map((member) => member.recipient), recovery],
    )
    if (ack) check(keysetPath(version, 'device'), [ack.certificate.payload.cnf.jwk])
  }
  check(PROOF_FILES.device, [bundleCase.device.payload.cnf.jwk])
  check(PROOF_FILES.request, [request.payload.cnf.jwk], [request.payload.latchkey.recipient])
  check(PROOF_FILES.investigator, [investigator.payload.cnf.jwk], [investigator.payload.latchkey.recipient])
  if ('keys' in agency) check(PROOF_FILES.agency, agency.keys)
  return findings
}

/**
 * Reads every proof file of a bundle: sizes, canonical forms, schemas, text rules, key encodings.
 * Untrusted: `files`.
 */
export function parseBundleCase(files: BundleFiles): ParsedBundle {
  const reader = new ProofReader(files)
  const isReleased = reader.has(PROOF_FILES.release) || reader.has(PROOF_FILES.dpop)
  const keysets = readKeysets(reader)
  const approvals = reader.numbered((number) => numberedPath('approval', number), approval)
  const revocations = reader.numbered((number) => numberedPath('revocation', number), revocation)
  const required = {
    root: reader.json(PROOF_FILES.root, bundleRoot),
    device: reader.jws(PROOF_FILES.device, deviceCertificate),
    manifest: reader.jws(PROOF_FILES.manifest, clipManifest),
    items: reader.json(PROOF_FILES.items, bundleItems),
    request: reader.jws(PROOF_FILES.request, clipRequest),
    investigator: reader.jws(PROOF_FILES.investigator, investigatorCertificate),
    agency: reader.json(PROOF_FILES.agency, bundleAgency),
    policy: reader.json(PROOF_FILES.policy, policy),
    consent: reader.jws(PROOF_FILES.consent, consent),
    leaves: reader.json(PROOF_FILES.leaves, bundleLeaves),
  }
  const released = isReleased
    ? { release: reader.jws(PROOF_FILES.release, release), dpop: reader.dpop(PROOF_FILES.dpop) }
    : { release: null, dpop: null }
  const names = required.consent?.payload.latchkey.disclosure ?? null
  const disclosure = names === null ? null : reader.identity(IDENTITY_ITEM)
  const { findings, read } = reader
  if (findings.length > 0) return { bundleCase: null, findings, read }
  // Every file was read without a finding, so none of the required values is null.
  const bundleCase = { ...required, ...released, keysets, approvals, revocations, disclosure } as BundleCase
  const keyFindings = checkKeys(bundleCase)
  return { bundleCase: keyFindings.length > 0 ? null : bundleCase, findings: keyFindings, read }
}
