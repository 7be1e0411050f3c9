import { LatchkeyError, type PublicJwk, type Thumbprint } from '@latchkey/shared'
import type { DeviceCaller, InvestigatorCaller, MemberCaller } from '../flow.ts'
import type { Caller, CallerKind } from './route.ts'

/** Where keys are known. Each answers null for a stranger. */
export interface CallerDirectory {
  findRoot(thumbprint: Thumbprint): Promise<string | null>
  findMember(thumbprint: Thumbprint): Promise<MemberCaller | null>
  findDevice(thumbprint: Thumbprint): Promise<DeviceCaller | null>
  findInvestigator(thumbprint: Thumbprint): Promise<InvestigatorCaller | null>
  /** Thumbprint of the operator's key, null where none is configured. */
  readonly operator: Thumbprint | null
}

type Finder = (directory: CallerDirectory, thumbprint: Thumbprint, jwk: PublicJwk) => Promise<Caller | null>

const FINDERS: Readonly<Record<CallerKind, Finder>> = {
  anyone: () => Promise.resolve({ kind: 'anyone' }),
  key: (_directory, thumbprint, jwk) => Promise.resolve({ kind: 'key', thumbprint, jwk }),
  root: async (directory, thumbprint) => {
    const root = await directory.findRoot(thumbprint)
    return root === null ? null : { kind: 'root', thumbprint, root }
  },
  member: (directory, thumbprint) => directory.findMember(thumbprint),
  device: (directory, thumbprint) => directory.findDevice(thumbprint),
  investigator: (directory, thumbprint) => directory.findInvestigator(thumbprint),
  operator: (directory, thumbprint) =>
    Promise.resolve(thumbprint === directory.operator ? { kind: 'operator', thumbprint } : null),
}

/** Every refusal of a caller, in the same words. */
const refused = (): LatchkeyError => new LatchkeyError('CALLER_REFUSED', 'this key may not use this route')

/** Viewers look; what ends, gives or changes is the owners' of the keyset in force. @throws CALLER_REFUSED */
export function assertOwner(caller: MemberCaller): void {
  if (caller.role !== 'owner' || !caller.inForce) throw refused()
}

/**
 * The caller in the first of `kinds` that the proven key is known as.
 * @throws CALLER_REFUSED, in the same words for every key and route
 */
export async function resolveCaller(
  directory: CallerDirectory,
  kinds: readonly CallerKind[],
  key: { readonly thumbprint: Thumbprint; readonly jwk: PublicJwk },
): Promise<Caller> {
  for (const kind of kinds) {
    const caller = await FINDERS[kind](directory, key.thumbprint, key.jwk)
    if (caller !== null) return caller
  }
  throw refused()
}
