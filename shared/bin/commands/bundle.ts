import { decodeBase64url } from '../../src/bytes/base64url.ts'
import { checkConsent } from '../../src/consent/consent-check.ts'
import { indexesOf } from '../../src/consent/item-ranges.ts'
import { hashLeaf, inclusionProof } from '../../src/tlog/merkle.ts'
import { type BundleParts, bundleZip, type ItemPart, type LoggedJws } from '../../src/verify/bundle-layout.ts'
import { encodeDescriptor } from '../../src/wire/clip.ts'
import type { Consent } from '../../src/wire/consent.ts'
import type { Signed } from '../../src/wire/jws.ts'
import type { Finding } from '../../src/wire/problem.ts'
import { clipRequest, investigatorCertificate } from '../../src/wire/request.ts'
import type { Arguments } from '../arguments.ts'
import { type Clip, loadClip, loadPayload } from '../clip-folder.ts'
import { type Command, PASSED } from '../command.ts'
import { loadSubmission } from '../consent-file.ts'
import { assertAbsent, writeNewFile } from '../disk-files.ts'
import { failuresOf } from '../failure.ts'
import { loadHousehold, loadSigned } from '../household-folder.ts'
import { loadPolicy, POLICY_OPTION } from '../policy-file.ts'

/** Without a relay there is no log. */
const unlogged = (jws: string): LoggedJws => ({ jws, logged: null })

/** The items that the consent names, each under its new header. The consent was checked. */
function itemParts(
  folder: string,
  { descriptors }: Clip,
  consented: Signed<Consent>,
  headers: Uint8Array[],
): ItemPart[] {
  const leaves = descriptors.map((descriptor) => hashLeaf(encodeDescriptor(descriptor)))
  return indexesOf(consented.payload.authorization_details[0]!.items).map((index, i) => {
    const descriptor = descriptors[index]!
    return {
      descriptor,
      inclusion: inclusionProof(leaves, index),
      header: headers[i]!,
      readPayload: () => loadPayload(folder, descriptor),
    }
  })
}

async function loadInputs(given: Arguments) {
  const { signed, headers, disclosure } = await loadSubmission(given.text('consent'))
  const request = await loadSigned(clipRequest, given.text('request'))
  return {
    clip: await loadClip(given.text('clip')),
    household: await loadHousehold(given.text('owner')),
    consent: signed,
    headers: headers.map(decodeBase64url),
    disclosure: disclosure === undefined ? null : decodeBase64url(disclosure),
    request,
    certificate: await loadSigned(investigatorCertificate, given.text('certificate')),
    agencyName: given.optional('agency-name') ?? request.payload.iss,
    policy: (await loadPolicy(given.optional('policy'))).policy,
  }
}

type Inputs = Awaited<ReturnType<typeof loadInputs>>

/** The consent's own checks: a bundle that cannot pass is not worth packing. */
function checkInputs({ clip, household, request, ...inputs }: Inputs): Finding[] {
  return checkConsent({
    ...inputs,
    keyset: household.keyset,
    deviceCertificate: clip.deviceCertificate,
    manifest: clip.manifest,
    descriptors: new Map(clip.descriptors.map((descriptor) => [descriptor.index, descriptor])),
    request,
    relayOrigin: request.payload.aud,
  })
}

function partsOf(folder: string, inputs: Inputs): BundleParts {
  const { clip, household, consent, headers, disclosure, request, certificate, agencyName, policy } = inputs
  return {
    root: household.root,
    keysets: [unlogged(household.keyset.raw)],
    device: unlogged(clip.deviceCertificate.raw),
    manifest: clip.manifest.raw,
    items: itemParts(folder, clip, consent, headers),
    request: unlogged(request.raw),
    investigator: certificate.raw,
    agency: { data: { uri: request.payload.iss, name: agencyName }, logged: null },
    policy: { data: policy, logged: null },
    consent: unlogged(consent.raw),
    approvals: [],
    release: null,
    revocations: [],
    disclosure,
  }
}

/** `latchkey bundle` */
export const bundle: Command = {
  name: 'bundle',
  summary: 'Packs a consented clip as an evidence bundle without a relay; log and release parts are absent.',
  operands: [],
  options: {
    clip: { value: 'DIR', required: true, help: 'folder made by seal' },
    owner: { value: 'DIR', required: true, help: 'folder made by keygen owner (its public files)' },
    consent: { value: 'F', required: true, help: 'file that latchkey consent wrote' },
    request: { value: 'F', required: true, help: 'the signed request' },
    certificate: { value: 'F', required: true, help: 'the investigator’s certificate' },
    'agency-name': { value: 'NAME', help: 'as in latchkey consent (default: the agency’s address)' },
    policy: POLICY_OPTION,
    out: { value: 'F', required: true, help: 'new zip file' },
  },
  run: async (given, { terminal }) => {
    const out = given.text('out')
    await assertAbsent(out)
    const inputs = await loadInputs(given)
    const findings = checkInputs(inputs)
    if (findings.length > 0) return failuresOf(given.text('consent'), findings)
    const parts = partsOf(given.text('clip'), inputs)
    await writeNewFile(out, bundleZip(parts))
    terminal.print(`${out}: ${parts.items.length} items`)
    return PASSED
  },
}
