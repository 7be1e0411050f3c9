import {
  checkSharedOn,
  consent as consentMessage,
  release as releaseMessage,
  type SharedOnConflict,
} from '@latchkey/shared'
import type { Said } from './entries.ts'
import type { Released } from './released.ts'

/** Where an entry goes against the consent, by the papers that this browser has: what the owner took back later it does not know. */
export function conflictsOf(released: Released, said: Pick<Said, 'atMs' | 'purpose'>): SharedOnConflict[] {
  const releasedSeconds = releaseMessage.parse(released.release).payload.iat
  const consent = consentMessage.parse(released.consent).payload
  return checkSharedOn(said, { consent, releasedSeconds, takenBackMs: null })
}
