import { CONTAINER } from '../src/verify/bundle-paths.ts'
import { clockLines } from '../src/verify/clock-lines.ts'
import { contentLines } from '../src/verify/content-lines.ts'
import { createVerifierTrust, parseTrust, type VerifierTrust } from '../src/verify/trust.ts'
import { type Verdict, verifyBundleZip } from '../src/verify/verify-bundle.ts'
import type { World } from './command.ts'
import { readBytes } from './disk-files.ts'
import { type Failure, inFile } from './failure.ts'
import { loadIdentity } from './key-files.ts'

/** Far above a clip of a minute, far below memory. */
const MAX_BUNDLE_BYTES = 512 * 1024 * 1024
const MAX_TRUST_BYTES = 4 * 1024 * 1024
const TRUSTING_NOBODY = createVerifierTrust({ v: 1, logs: [], witnesses: [], quorum: 0, agencies: [], relays: [] })

/** What a bundle is verified with. */
export interface VerdictInput {
  readonly bundle: string
  /** Without a trust file nobody is believed. */
  readonly trust: string | undefined
  /** With the requester's key every item is opened too. */
  readonly key: string | undefined
}

/** A trust file whose every key was checked. @throws TRUST_INVALID */
export async function loadVerifierTrust(path: string): Promise<VerifierTrust> {
  const bytes = await readBytes(path, MAX_TRUST_BYTES)
  return inFile(path, () => parseTrust(bytes))
}

/** A bundle's bytes. Untrusted. */
export const loadBundle = (path: string): Promise<Uint8Array> => readBytes(path, MAX_BUNDLE_BYTES)

/** Verifies a bundle file. @throws TRUST_INVALID | KEY_INVALID for the verifier's own files, never for the bundle's content */
export async function loadVerdict({ bundle, trust, key }: VerdictInput, { nowMs }: World): Promise<Verdict> {
  const believed = trust === undefined ? TRUSTING_NOBODY : await loadVerifierTrust(trust)
  const identity = key === undefined ? undefined : await loadIdentity(key)
  const zip = await loadBundle(bundle)
  const nowSeconds = Math.floor(nowMs() / 1000)
  return verifyBundleZip(zip, believed, identity === undefined ? { nowSeconds } : { nowSeconds, identity })
}

/** A line per finding, in the order of the checks; what is about the archive as a whole names the file `bundle`. */
export function failuresOfVerdict({ checks }: Verdict, bundle: string): Failure[] {
  const findings = checks.flatMap((check) => check.findings)
  return findings.map(({ code, file, message }) => ({ code, file: file === CONTAINER ? bundle : file, message }))
}

/** The verdict for people: one line per check, when it was recorded by whose clock, what is missing, and always what is not proven. */
export function verdictText(verdict: Verdict): string {
  const width = Math.max(...verdict.checks.map(({ name }) => name.length))
  const lines = verdict.checks.map(({ number, name, status, reason }) => {
    const head = `${String(number).padStart(2)}  ${name.padEnd(width)}  ${status}`
    return reason === null ? head : `${head}: ${reason}`
  })
  const recorded = verdict.facts === null ? [] : ['', ...clockLines(verdict.facts), ...contentLines(verdict.facts)]
  const notProven = verdict.notProven.map((line) => `- ${line}`)
  return [...lines, ...recorded, '', verdict.passed ? 'PASS' : 'FAIL', '', 'Not proven:', ...notProven].join('\n')
}

/** The verdict for programs: no plaintext and no key, only how many items opened. */
export function verdictJson({ opened, ...verdict }: Verdict): unknown {
  return { v: 1, ...verdict, opened: opened === null ? null : opened.length }
}
