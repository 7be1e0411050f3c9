import { join } from 'node:path'
import type { Identity, PublicJwk, Signer } from '../src/crypto/keys.ts'
import { checkFirstKeyset } from '../src/household/keyset-chain.ts'
import { LatchkeyError } from '../src/errors.ts'
import type { MessageType, Signed } from '../src/wire/jws.ts'
import { type Keyset, keyset } from '../src/wire/keyset.ts'
import { readText } from './disk-files.ts'
import { assertNone, inFile } from './failure.ts'
import { loadIdentity, loadPublicJwk, loadSigner } from './key-files.ts'

/** Names inside the folder that `keygen owner` makes. */
export const OWNER_FILES = {
  root: 'root.jwk',
  rootPublic: 'root-public.jwk',
  member: 'member.jwk',
  memberIdentity: 'member.key',
  recovery: 'recovery.key',
  keyset: 'keyset.jws',
  sheet: 'recovery-sheet.txt',
} as const

/** A signed object from its file, its form checked. Untrusted. @throws as `readText` and the type's `parse` */
export async function loadSigned<T>(type: MessageType<T>, path: string): Promise<Signed<T>> {
  const raw = await readText(path)
  return inFile(path, () => type.parse(raw))
}

/** The public half of a household: what to seal to, and the root that vouches for it. */
export interface Household {
  readonly root: PublicJwk
  readonly keyset: Signed<Keyset>
}

/** The household of an owner's folder, its keyset verified under the root. @throws KEYSET_INVALID | SIGNATURE_INVALID */
export async function loadHousehold(folder: string): Promise<Household> {
  const root = await loadPublicJwk(join(folder, OWNER_FILES.rootPublic))
  const path = join(folder, OWNER_FILES.keyset)
  const signed = await loadSigned(keyset, path)
  await inFile(path, () => assertNone(checkFirstKeyset(signed, root).findings))
  return { root, keyset: signed }
}

/** A household and the keys of one of its owners. */
export interface Owner extends Household {
  readonly signer: Signer
  readonly identity: Identity
}

/** An owner's folder with its secrets. @throws KEY_INVALID when the member key is not in the keyset */
export async function loadOwner(folder: string): Promise<Owner> {
  const household = await loadHousehold(folder)
  const path = join(folder, OWNER_FILES.member)
  const [signer, identity] = [await loadSigner(path), await loadIdentity(join(folder, OWNER_FILES.memberIdentity))]
  const members = household.keyset.payload.latchkey.members
  if (!members.some((member) => member.signingKey.x === signer.jwk.x && member.recipient === identity.recipient))
    await inFile(path, () => {
      throw new LatchkeyError('KEY_INVALID', 'this member does not stand in the keyset')
    })
  return { ...household, signer, identity }
}
