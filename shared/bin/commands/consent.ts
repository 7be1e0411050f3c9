import { createRelayClient } from '../../client/relay-client.ts'
import { type BuiltConsent, buildConsent, type ConsentPlan, defaultItems } from '../../src/consent/consent-build.ts'
import type { PublicJwk } from '../../src/crypto/keys.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { consentAccepted } from '../../src/wire/http.ts'
import { isSignedBy, type Signed } from '../../src/wire/jws.ts'
import { type OwnerDetails, ownerDetails } from '../../src/wire/owner-details.ts'
import { type ClipRequest, clipRequest, investigatorCertificate } from '../../src/wire/request.ts'
import type { InvestigatorCertificate } from '../../src/wire/request.ts'
import { parseWith } from '../../src/wire/schema.ts'
import type { Arguments } from '../arguments.ts'
import { checkClip } from '../clip-check.ts'
import { type ClipSource, loadFolderClip, loadRelayClip } from '../clip-source.ts'
import { type Command, PASSED, type World } from '../command.ts'
import { assertAbsent, jsonText, readJsonFile, writeNewFile } from '../disk-files.ts'
import { assertNone, inFile } from '../failure.ts'
import { loadOwner, loadSigned, type Owner } from '../household-folder.ts'
import { loadPolicy, POLICY_OPTION } from '../policy-file.ts'
import { assertAgencyVouches, loadTrust } from '../trust-file.ts'
import { parseCount, parseItems } from '../value-syntax.ts'

/** The word that stands for a signature; a plain return key must not. */
const CONFIRMATION = 'share'
const MAX_DETAILS_BYTES = 16_384

/** Is the request from an investigator for whom a trusted agency vouches? @throws the code of what is wrong */
function assertRequest(asked: Signed<ClipRequest>, certificate: Signed<InvestigatorCertificate>): void {
  const { payload } = asked
  if (payload.latchkey.investigatorCertificate !== certificate.digest || payload.iss !== certificate.payload.iss)
    throw new LatchkeyError('INVESTIGATOR_INVALID', 'the request names another certificate')
  const key = certificate.payload.cnf.jwk as PublicJwk
  const sameKeys =
    payload.sub === certificate.payload.sub &&
    payload.cnf.jwk.x === key.x &&
    payload.latchkey.recipient === certificate.payload.latchkey.recipient
  if (!sameKeys) throw new LatchkeyError('INVESTIGATOR_INVALID', 'the request uses other keys than its certificate')
  if (!isSignedBy(asked, key)) throw new LatchkeyError('SIGNATURE_INVALID', 'the request is not signed by its key')
}

async function loadRequest(given: Arguments): Promise<Signed<ClipRequest>> {
  const [path, certificatePath] = [given.text('request'), given.text('certificate')]
  const asked = await loadSigned(clipRequest, path)
  const certificate = await loadSigned(investigatorCertificate, certificatePath)
  const trusted = await loadTrust(given.text('trust'))
  await inFile(certificatePath, () => assertAgencyVouches(certificate, trusted))
  await inFile(path, () => assertRequest(asked, certificate))
  return asked
}

async function loadSource(given: Arguments, owner: Owner, world: World): Promise<ClipSource> {
  const [folder, relay, clip] = [given.optional('clip'), given.optional('relay'), given.optional('clip-id')]
  if (folder !== undefined && relay === undefined && clip === undefined) return loadFolderClip(folder, owner)
  if (folder === undefined && relay !== undefined && clip !== undefined)
    return loadRelayClip(createRelayClient({ origin: relay, signer: owner.signer, nowMs: world.nowMs }), clip, owner)
  throw new LatchkeyError('USAGE', 'give either --clip DIR, or --relay ORIGIN and --clip-id ID')
}

/** In a file, because a command line is in the list of processes and in the shell's history. */
async function loadDetails(path: string | undefined): Promise<OwnerDetails | null> {
  if (path === undefined) return null
  const value = await readJsonFile(path, MAX_DETAILS_BYTES)
  return inFile(path, () => parseWith(ownerDetails, value, 'details'))
}

/** Everything the owner's own program verified before it asks. */
async function planOf(given: Arguments, source: ClipSource, owner: Owner): Promise<Omit<ConsentPlan, 'nowSeconds'>> {
  const asked = await loadRequest(given)
  const { policy, digest } = await loadPolicy(given.optional('policy'))
  if (asked.payload.latchkey.policy !== digest)
    throw new LatchkeyError('POLICY_UNKNOWN', 'the request names another policy: give that one with --policy')
  await inFile(source.name, () => assertNone(checkClip(source.clip, source.keyset)))
  const chosen = parseItems(given.optional('items') ?? 'default')
  const items = chosen === 'default' ? defaultItems(source.clip.descriptors, asked.payload) : chosen
  if (items.length === 0) throw new LatchkeyError('CONSENT_OUTSIDE_WINDOW', 'nothing in this clip answers the request')
  const days = given.optional('retention-days') ?? String(asked.payload.latchkey.retentionDays)
  return {
    ...source.clip,
    keyset: owner.keyset,
    request: asked,
    agencyName: given.optional('agency-name') ?? asked.payload.iss,
    relayOrigin: asked.payload.aud,
    policy,
    items,
    purpose: given.text('purpose'),
    retentionDays: parseCount(days, '--retention-days'),
    utcOffsetMinutes: parseOffset(given.optional('utc-offset') ?? '+00:00'),
    disclosure: await loadDetails(given.optional('disclose')),
    seen: null,
  }
}

function parseOffset(text: string): number {
  const [, sign, hours, minutes] = /^([+-])(\d{2}):(\d{2})$/.exec(text) ?? []
  if (sign === undefined) throw new LatchkeyError('USAGE', `'${text}' is not an offset such as +01:00`)
  const size = Number(hours) * 60 + Number(minutes)
  return sign === '-' && size > 0 ? -size : size
}

const changedLines = (before: string, after: string) => {
  const known = new Set(before.split('\n'))
  return after.split('\n').filter((line) => !known.has(line))
}

async function confirm(given: Arguments, { terminal }: World): Promise<void> {
  if (given.flag('yes')) return
  const answer = await terminal.ask(`Type ${CONFIRMATION} to sign this, anything else to stop: `)
  if (answer === null) throw new LatchkeyError('USAGE', 'nobody can be asked here: read the notice, then add --yes')
  if (answer.trim() !== CONFIRMATION) throw new LatchkeyError('CONSENT_REQUIRED', 'not confirmed: nothing was given')
}

/** Shows the words, asks, and hands out the signature only then. Who read for long is asked again about the new times. */
async function decide(
  given: Arguments,
  world: World,
  build: (nowSeconds: number) => Promise<BuiltConsent>,
  toleranceSeconds: number,
): Promise<BuiltConsent> {
  let shown = ''
  for (;;) {
    const nowSeconds = Math.floor(world.nowMs() / 1000)
    const built = await build(nowSeconds)
    world.terminal.print(shown === '' ? built.notice : changedLines(shown, built.notice).join('\n'))
    await confirm(given, world)
    if (world.nowMs() / 1000 - nowSeconds <= toleranceSeconds) return built
    shown = built.notice
    world.terminal.note('While you were reading these times moved on:')
  }
}

/** `latchkey consent` */
export const consentCommand: Command = {
  name: 'consent',
  summary: 'Shows an owner what is asked, and signs what the owner decides to give.',
  operands: [],
  options: {
    clip: { value: 'DIR', help: 'folder made by seal' },
    relay: { value: 'ORIGIN', help: 'or: take the clip from a relay' },
    'clip-id': { value: 'ID', help: 'which clip of the relay' },
    request: { value: 'F', required: true, help: 'the signed request' },
    certificate: { value: 'F', required: true, help: 'the investigator’s certificate' },
    trust: { value: 'F', required: true, help: 'trust file with the agency’s key' },
    'agency-name': { value: 'NAME', help: 'the agency’s name in the notice (default: its address)' },
    owner: { value: 'DIR', required: true, help: 'folder made by keygen owner' },
    items: { value: 'LIST', help: 'such as 0-3,7 (default: video inside the window, no sound, no picture, no names)' },
    purpose: { value: 'TEXT', required: true, help: 'purpose of the policy’s closed list' },
    'retention-days': { value: 'N', help: 'at most what the request promises (default: that)' },
    disclose: {
      value: 'F',
      help: 'JSON {name?, email?, phone?, address?}: told to the requester alone (default: nothing about you)',
    },
    'utc-offset': { value: '+HH:MM', help: 'in which the notice writes times (default: +00:00)' },
    policy: POLICY_OPTION,
    yes: { help: 'do not ask: the notice was read' },
    out: { value: 'F', required: true, help: 'new file for the consent and its headers' },
    submit: { help: 'send it to the relay of the request too' },
  },
  run: async (given, world) => {
    const out = given.text('out')
    await assertAbsent(out)
    const owner = await loadOwner(given.text('owner'))
    const source = await loadSource(given, owner, world)
    const plan = await planOf(given, source, owner)
    const build = (nowSeconds: number) => buildConsent({ ...plan, nowSeconds }, owner, source.headers)
    const built = await decide(given, world, build, plan.policy.consent.toleranceSeconds)
    await writeNewFile(out, jsonText(built.submission))
    if (given.flag('submit')) {
      const client = createRelayClient({ origin: plan.relayOrigin, signer: owner.signer, nowMs: world.nowMs })
      const { consent, state } = await client.json('POST', '/v1/consents', consentAccepted, { json: built.submission })
      world.terminal.print(`consent ${consent} ${state}`)
    }
    return PASSED
  },
}
