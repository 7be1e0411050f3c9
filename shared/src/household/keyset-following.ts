/** A household's keysets followed from its root, version by version: by what is found here a phone judges everything else. */
import { type PublicJwk, rawKeyOf } from '../crypto/keys.ts'
import { type ErrorCode, LatchkeyError } from '../errors.ts'
import { keysetLabel, type Leaf, leafHourStartMs } from '../tlog/leaf.ts'
import { approval } from '../wire/consent.ts'
import { deviceCertificate } from '../wire/device.ts'
import type { ListedKeyset } from '../wire/http.ts'
import type { Signed } from '../wire/jws.ts'
import { ack, type Keyset, keyset } from '../wire/keyset.ts'
import {
  answering,
  checkFirstKeyset,
  checkNextKeyset,
  isVouchedDevice,
  type KeysetChange,
  type KeysetVerdict,
} from './keyset-chain.ts'

/** A leaf tells its hour, and was made at any moment of it. */
const HOUR_MS = 3_600_000

/**
 * One version. `counts`: it is in force or was. `pending`: by the root alone, before its time. `voided`: its owners
 * answered it before its time.
 */
export interface KeysetLink {
  readonly keyset: Signed<Keyset>
  readonly standing: 'counts' | 'pending' | 'voided'
}

/** Every version from the first on, without a gap; the first counts. */
export type KeysetChain = readonly [KeysetLink, ...KeysetLink[]]

/** A keyset as the relay lists it, and the entry of the log that it names: found there and proved, or null. */
export interface LoggedKeyset {
  readonly listed: ListedKeyset
  readonly leaf: Leaf | null
}

/**
 * Why an offered keyset was not taken. `forked`: it holds a version that another holds, and both are validly made: evidence.
 * `unfounded`: it does not follow from the root. `unlogged`: the log has another entry where it should stand.
 * `rolled-back`: fewer versions than were already known.
 */
export type KeysetFault = 'forked' | 'unfounded' | 'unlogged' | 'rolled-back'

/** A refusal with what is needed to show it to others. Keep it, show it, tell every member. */
export interface KeysetFinding {
  readonly fault: KeysetFault
  readonly code: ErrorCode
  readonly message: string
  /** Compact JWS of the version that stays. */
  readonly held: string | null
  /** Compact JWS that was refused, null when something is missing. Untrusted. */
  readonly refused: string | null
}

/** What a chain is followed by. */
export interface FollowContext {
  /** Pinned. */
  readonly root: PublicJwk
  readonly nowMs: number
}

/** The keysets that are or were in force, oldest first. */
export const countingKeysets = (chain: KeysetChain): Signed<Keyset>[] =>
  chain.filter(({ standing }) => standing === 'counts').map((link) => link.keyset)

/** The keyset in force. */
export const keysetInForce = (chain: KeysetChain): Signed<Keyset> => countingKeysets(chain).at(-1)!

/** The keyset that root alone put up and whose time has not come; null when there is none. */
export function pendingKeyset(chain: KeysetChain): Signed<Keyset> | null {
  const newest = chain.at(-1)!
  return newest.standing === 'pending' ? newest.keyset : null
}

type Offered = KeysetChange & { readonly leafMs: number }

/** Untrusted: all of it. @throws the codes of a JWS that does not parse */
export function parseListedKeyset({ press, ...listed }: ListedKeyset): KeysetChange {
  return {
    keyset: keyset.parse(listed.keyset),
    approvals: listed.approvals.map((raw) => approval.parse(raw)),
    ...(press && {
      ack: { signed: ack.parse(press.ack), certificate: deviceCertificate.parse(press.deviceCertificate) },
    }),
  }
}

/** Start of the hour in which exactly this keyset was logged, UTC ms; null when the entry is another. */
function loggedMs(leaf: Leaf | null, { payload, digest }: Signed<Keyset>, root: PublicJwk): number | null {
  if (leaf?.type !== 'keyset') return null
  const isIt = leaf.data.digest === digest && leaf.data.label === keysetLabel(rawKeyOf(root), payload.latchkey.version)
  return isIt ? leafHourStartMs(leaf.hour) : null
}

/** A first keyset as a chain. @throws KEYSET_INVALID | SIGNATURE_INVALID when it is not this root's */
export function beginKeysetChain(first: Signed<Keyset>, root: PublicJwk): KeysetChain {
  const [finding] = checkFirstKeyset(first, root).findings
  if (finding) throw new LatchkeyError(finding.code, finding.message)
  return [{ keyset: first, standing: 'counts' }]
}

/** A pending version whose time has come counts. */
export function settleKeysets(chain: KeysetChain, nowMs: number): KeysetChain {
  const pending = pendingKeyset(chain)
  if (pending === null || nowMs < pending.payload.latchkey.effectiveMs) return chain
  return withStanding(chain, 'counts')
}

function withStanding(chain: KeysetChain, standing: KeysetLink['standing']): KeysetChain {
  const newest = { ...chain.at(-1)!, standing }
  return chain.length === 1 ? [newest] : [chain[0], ...chain.slice(1, -1), newest]
}

function judge(chain: KeysetChain, before: Signed<Keyset>, offered: Offered, { root }: FollowContext): KeysetVerdict {
  const verdict = checkNextKeyset(before, offered, { root, leafMs: offered.leafMs })
  const known = { root, keysets: countingKeysets(chain) }
  if (verdict.authority === null || !offered.ack || isVouchedDevice(offered.ack.certificate, known)) return verdict
  const message = 'the button is of a device that no owner of this household vouched for'
  return { authority: null, findings: [{ code: 'DEVICE_INVALID', message, field: 'ack' }] }
}

/** How the newest version stands once another was logged behind it: by whose owners that one is judged. */
type Step = { readonly chain: KeysetChain; readonly verdict: KeysetVerdict }

function stepsTo(chain: KeysetChain, offered: Offered, context: FollowContext): Step[] {
  const newest = chain.at(-1)!
  if (newest.standing === 'counts') return [{ chain, verdict: judge(chain, newest.keyset, offered, context) }]
  const { effectiveMs } = newest.keyset.payload.latchkey
  const steps: Step[] = []
  if (offered.leafMs < effectiveMs) {
    const verdict = judge(chain, answering(keysetInForce(chain), newest.keyset), offered, context)
    const message = 'a keyset by root alone already waits'
    const again: KeysetVerdict = { authority: null, findings: [{ code: 'KEYSET_INVALID', message }] }
    const isAgain = verdict.authority === 'root-pending'
    steps.push({ chain: withStanding(chain, 'voided'), verdict: isAgain ? again : verdict })
  }
  if (offered.leafMs + HOUR_MS > effectiveMs) {
    const settled = withStanding(chain, 'counts')
    steps.push({ chain: settled, verdict: judge(settled, newest.keyset, offered, context) })
  }
  return steps
}

type Advanced = { readonly chain: KeysetChain } | { readonly code: ErrorCode; readonly message: string }

function advance(chain: KeysetChain, offered: Offered, context: FollowContext): Advanced {
  const steps = stepsTo(chain, offered, context)
  const good = steps.find(({ verdict }) => verdict.authority !== null)
  if (good === undefined) {
    const [finding] = steps[0]!.verdict.findings
    return { code: finding?.code ?? 'KEYSET_INVALID', message: finding?.message ?? 'it does not follow' }
  }
  const standing = good.verdict.authority === 'root-pending' ? 'pending' : 'counts'
  return { chain: [...good.chain, { keyset: offered.keyset, standing }] }
}

/** Is this other holder of a known version as validly made as the one that is known? */
function isFork(chain: KeysetChain, offered: Offered, context: FollowContext): boolean {
  const { version } = offered.keyset.payload.latchkey
  if (version === 1) return checkFirstKeyset(offered.keyset, context.root).authority !== null
  const [first, ...more] = chain.slice(0, version - 1)
  const before: KeysetChain = [first!, ...more]
  const was = before.at(-1)!.standing
  return 'chain' in advance(was === 'counts' ? before : withStanding(before, 'pending'), offered, context)
}

function findingAbout(chain: KeysetChain, offered: Offered, context: FollowContext): KeysetFinding {
  const held = chain[offered.keyset.payload.latchkey.version - 1]?.keyset.raw ?? null
  const refused = offered.keyset.raw
  return isFork(chain, offered, context)
    ? { fault: 'forked', code: 'KEYSET_FORK', message: 'two keysets hold one version', held, refused }
    : { fault: 'unfounded', code: 'KEYSET_INVALID', message: 'another keyset than the known one', held, refused }
}

/** What following came to. `findings` is empty when everything that was offered holds. */
export interface Followed {
  readonly chain: KeysetChain
  readonly findings: readonly KeysetFinding[]
}

/** Is it a version that this chain does not have: one whose log entry must be looked up? Untrusted: `listed`. */
export function isNewKeyset(chain: KeysetChain | null, listed: ListedKeyset): boolean {
  return chain === null || chain.every((link) => link.keyset.raw !== listed.keyset)
}

type Stepped = { readonly chain: KeysetChain } | { readonly finding: KeysetFinding }

function follow(chain: KeysetChain, { listed, leaf }: LoggedKeyset, context: FollowContext): Stepped {
  const held = chain.at(-1)!.keyset.raw
  const refuse = (fault: KeysetFault, code: ErrorCode, message: string): Stepped => ({
    finding: { fault, code, message, held, refused: listed.keyset },
  })
  let change: KeysetChange
  try {
    change = parseListedKeyset(listed)
  } catch (error) {
    if (error instanceof LatchkeyError) return refuse('unfounded', error.code, error.message)
    throw error
  }
  const leafMs = loggedMs(leaf, change.keyset, context.root)
  if (leafMs === null) return refuse('unlogged', 'LOG_PROOF_INVALID', 'the log has another entry in its place')
  const offered = { ...change, leafMs }
  if (offered.keyset.payload.latchkey.version <= chain.length) return { finding: findingAbout(chain, offered, context) }
  const step = advance(chain, offered, context)
  return 'chain' in step ? step : refuse('unfounded', step.code, step.message)
}

function hiddenFinding(chain: KeysetChain, offered: readonly LoggedKeyset[]): KeysetFinding[] {
  const shown = new Set(offered.map(({ listed }) => listed.keyset))
  const hidden = chain.find((link) => !shown.has(link.keyset.raw))
  if (hidden === undefined) return []
  const { version } = hidden.keyset.payload.latchkey
  const message = `version ${version} is no longer shown`
  return [{ fault: 'rolled-back', code: 'KEYSET_SUPERSEDED', message, held: hidden.keyset.raw, refused: null }]
}

/**
 * Takes every listed version that stands in the log and follows from the pinned root, and says what is wrong with the
 * others: nothing goes back a version, and nothing that was taken is ever replaced.
 * @param offered all versions that the relay lists, in order, with their entries in the log where {@link isNewKeyset}.
 *   Untrusted: `listed`
 * @see spec/keys.md, "Which keyset counts"
 */
export function followKeysets(chain: KeysetChain, offered: readonly LoggedKeyset[], context: FollowContext): Followed {
  const findings: KeysetFinding[] = hiddenFinding(chain, offered)
  let next = chain
  for (const one of offered) {
    if (!isNewKeyset(next, one.listed)) continue
    const step = follow(next, one, context)
    if ('chain' in step) next = step.chain
    else findings.push(step.finding)
  }
  return { chain: settleKeysets(next, context.nowMs), findings }
}
