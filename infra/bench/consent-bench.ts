import { readFileSync } from 'node:fs'
import { checkConsent, consent, type ConsentCase, readZip } from '@latchkey/shared'
import { type BundleCase, parseBundleCase } from '../../shared/src/verify/bundle-case.ts'
import type { Evidence } from './evidence.ts'
import { fastest, type Measurement, measurementOf } from './measure.ts'
import { mustRun } from './programs.ts'

const ROUNDS = 6
const ROUND_MS = 1_000
const RELEASE_HEADER_BYTES = 168

function consentCaseOf(bundleCase: BundleCase, files: ReadonlyMap<string, Uint8Array>): ConsentCase {
  const { keysets, device, manifest, items, request, agency, policy } = bundleCase
  return {
    consent: bundleCase.consent,
    headers: items.items.map(({ file }) => files.get(file)!.subarray(0, RELEASE_HEADER_BYTES)),
    keyset: keysets.at(-1)!.keyset,
    deviceCertificate: device,
    manifest,
    descriptors: new Map(items.items.map(({ descriptor }) => [descriptor.index, descriptor])),
    request,
    agencyName: agency.name,
    relayOrigin: request.payload.aud,
    policy,
  }
}

/** `verify` operations per second of one core. */
function opensslVerifiesPerSecond(): number {
  const line = mustRun('openssl', ['speed', '-seconds', '1', '-mr', 'ed25519'])
    .split('\n')
    .find((l) => l.startsWith('+F'))
  const verify = Number(line?.split(':').at(-1))
  if (!(verify > 0)) throw new Error('openssl speed said nothing about ed25519')
  return verify
}

/**
 * Everything about a consent that does not depend on the moment, from its compact form on: signature, parties, terms,
 * items, headers, words. What the relay and the verifier both do.
 */
export async function benchConsent({ bundle }: Evidence): Promise<Measurement[]> {
  const { files } = readZip(readFileSync(bundle))
  const { bundleCase } = parseBundleCase(files)
  if (bundleCase === null) throw new Error('the bundle of the walkthrough does not parse')
  const subject = consentCaseOf(bundleCase, files)
  const { raw } = subject.consent
  const check = () => {
    if (checkConsent({ ...subject, consent: consent.parse(raw) }).length > 0)
      throw new Error('the consent has findings')
  }
  const seconds = await fastest(
    {
      ours: () => {
        const started = performance.now()
        let count = 0
        for (; performance.now() - started < ROUND_MS; count++) check()
        return (performance.now() - started) / 1000 / count
      },
      openssl: () => 1 / opensslVerifiesPerSecond(),
    },
    ROUNDS,
  )
  const name = `consent check, ${subject.headers.length} items, from its compact form`
  const peer = { name: 'openssl speed ed25519, verify', value: 1 / seconds.openssl }
  return [measurementOf({ name, unit: '/s', ours: 1 / seconds.ours, peer }, { ratioAtLeast: 0.4 })]
}
