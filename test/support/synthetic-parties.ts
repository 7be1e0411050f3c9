import { readFileSync } from 'node:fs'
import {
  createSigner,
  encodeBase64url,
  type Identity,
  identityOf,
  parseWith,
  type Policy,
  policy as policyValidator,
  sha256,
  type Signer,
  utf8,
} from '@latchkey/shared'

/** Hashed bytes of {@link seededBytes}; longer ones repeat them, so that a large clip costs no time. */
const SEEDED_PERIOD = 4096

/** Bytes that are the same in every run and differ by `label`. */
export function seededBytes(label: string, size = 32): Uint8Array {
  const bytes = new Uint8Array(size)
  for (let at = 0; at < Math.min(size, SEEDED_PERIOD); at += 32)
    bytes.set(sha256(utf8(`${label} ${at / 32}`)).subarray(0, size - at), at)
  for (let at = SEEDED_PERIOD; at < size; at += SEEDED_PERIOD) bytes.copyWithin(at, 0, SEEDED_PERIOD)
  return bytes
}

/** 16 seeded bytes, base64url. */
export const id16 = (label: string) => encodeBase64url(seededBytes(label, 16))
/** 32 seeded bytes, base64url. */
export const digest32 = (label: string) => encodeBase64url(seededBytes(label))

/** When the investigator asks, seconds. Everything else happens around it. */
export const REQUESTED_SECONDS = 1_790_000_000
export const CLIP_START_MS = (REQUESTED_SECONDS - 7_200) * 1000
export const ORIGIN = 'https://relay.example'
export const AGENCY = 'https://police.example'
export const AGENCY_NAME = 'Example Police Department'

/** Everybody's keys; the same in every run. */
export interface SyntheticParties {
  readonly root: Signer
  readonly owner: { readonly signer: Signer; readonly identity: Identity }
  /** A second owner. */
  readonly partner: { readonly signer: Signer; readonly identity: Identity }
  readonly recovery: Identity
  readonly device: Signer
  readonly agency: Signer
  readonly requester: { readonly signer: Signer; readonly identity: Identity }
  readonly relay: Signer
}

/** The parties of every synthetic case. */
export function createParties(): SyntheticParties {
  const signer = (label: string) => createSigner(seededBytes(`${label} signing key`))
  const identity = (label: string) => identityOf(seededBytes(`${label} identity`))
  const person = (label: string) => ({ signer: signer(label), identity: identity(label) })
  return {
    root: signer('root'),
    owner: person('owner'),
    partner: person('partner'),
    recovery: identity('recovery'),
    device: signer('device'),
    agency: signer('agency'),
    requester: person('requester'),
    relay: signer('relay'),
  }
}

/** The policy that ships with the project. */
export function loadPolicy(): Policy {
  const text = readFileSync(new URL('../../shared/policy/us.json', import.meta.url), 'utf8')
  return parseWith(policyValidator, JSON.parse(text), 'us.json')
}
