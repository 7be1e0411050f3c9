import { useEffect, useState } from 'preact/hooks'
import { chainOf, type Home } from './home.ts'
import { ownRole } from './members.ts'
import { giveOldClips, type RewrapProgress } from './rewrap-headers.ts'

/** Clips that a doorbell sealed before it heard of a new phone follow later. */
const AGAIN_MS = 10 * 60_000

/** Makes older clips readable to newer phones, while an owner's app is open. @returns how far; null when there was nothing to do */
export function useOldClips(home: Home): RewrapProgress | null {
  const [progress, setProgress] = useState<RewrapProgress | null>(null)
  useEffect(() => {
    if (chainOf(home).length === 1) return
    let running = false
    async function give(): Promise<void> {
      if (running || (await ownRole(home)) !== 'owner') return
      running = true
      // Without a network the next time does it.
      await giveOldClips(home, (next) => setProgress(next.total === 0 ? null : next)).catch(() => {})
      running = false
    }
    void give()
    const timer = setInterval(() => void give(), AGAIN_MS)
    return () => clearInterval(timer)
  }, [home.keyset])
  return progress
}
