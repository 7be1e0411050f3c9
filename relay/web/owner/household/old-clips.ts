import { countingKeysets } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import { DAY_MS, nowMs } from '../../kernel/clock.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import { chainOf, type Home } from './home.ts'
import { ownRole } from './members.ts'
import { giveOldClips, type RewrapProgress } from './rewrap-headers.ts'

/** Clips that a doorbell sealed before it heard of a new phone follow later. */
const AGAIN_MS = 10 * 60_000

/** A doorbell that is away when a restored phone takes over seals to the household before it for as long. */
const RECOVERY_KEPT_MS = DAY_MS

/** Has the recovery key on this phone done what it is kept for? Only asked when every clip was given. */
async function needsNoRecovery(home: Home): Promise<boolean> {
  const { signer } = await phoneOf(home.keys)
  const first = countingKeysets(chainOf(home)).find(({ payload }) =>
    payload.latchkey.members.some(({ signingKey }) => signingKey.x === signer.jwk.x),
  )
  return first !== undefined && nowMs() > first.payload.latchkey.effectiveMs + RECOVERY_KEPT_MS
}

/**
 * Makes older clips readable to newer phones, while an owner's app is open.
 * @param onHome keeps the household without its recovery key, once this phone's own key opens everything
 * @returns how far; null when there was nothing to do
 */
export function useOldClips(home: Home, onHome: (home: Home) => Promise<void>): RewrapProgress | null {
  const [progress, setProgress] = useState<RewrapProgress | null>(null)
  useEffect(() => {
    if (chainOf(home).length === 1) return
    let running = false
    async function giveAndForget(): Promise<void> {
      let failed = 0
      await giveOldClips(home, (next) => {
        failed = next.failed
        setProgress(next.total === 0 ? null : next)
      })
      if (home.recovery && failed === 0 && (await needsNoRecovery(home))) await onHome({ ...home, recovery: null })
    }
    async function give(): Promise<void> {
      if (running || (await ownRole(home)) !== 'owner') return
      running = true
      // Without a network the next time does it.
      await giveAndForget().catch(() => {})
      running = false
    }
    void give()
    const timer = setInterval(() => void give(), AGAIN_MS)
    return () => clearInterval(timer)
  }, [home.keyset, home.recovery])
  return progress
}
