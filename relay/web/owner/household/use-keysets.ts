import { codeOf } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import type { Database } from '../../kernel/database.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import type { Home } from './home.ts'
import { useNews } from './use-news.ts'
import { type KeysetEvidence, loadKeysetEvidence, lookAtKeysets } from './keyset-keeper.ts'

/** Somebody who adds or removes a phone looks by hand as well. */
const LOOK_EVERY_MS = 60_000

/** What this phone knows of its household's keysets. */
export interface KeysetsState {
  readonly evidence: readonly KeysetEvidence[]
  /** The relay no longer takes this phone for one of the household's. Its word: nothing that is kept here ends by it. */
  readonly isRefused: boolean
  /** Looks at once; resolves with the household as it then stands. */
  look(): Promise<Home>
}

/** Follows the keysets while the app is open. @param onHome keeps the household whenever they change */
export function useKeysets(
  parts: { readonly database: Database; readonly home: Home; readonly log: LogKeeper },
  onHome: (home: Home) => Promise<void>,
): KeysetsState {
  const { database, home, log } = parts
  const [evidence, setEvidence] = useState<readonly KeysetEvidence[]>([])
  const [isRefused, setRefused] = useState(false)
  async function look(): Promise<Home> {
    try {
      const found = await lookAtKeysets({ database, log }, home)
      setEvidence(found.evidence)
      setRefused(false)
      if (found.home !== home) await onHome(found.home)
      return found.home
    } catch (error) {
      setRefused(codeOf(error) === 'CALLER_REFUSED')
      throw error
    }
  }
  useNews(home, ['keyset'], () => void look().catch(() => {}))
  useEffect(() => {
    // Without a network, or a log that is behind, the next look finds it.
    const quietly = (): void => void look().catch(() => {})
    void loadKeysetEvidence(database).then(setEvidence)
    quietly()
    const timer = setInterval(quietly, LOOK_EVERY_MS)
    addEventListener('online', quietly)
    return () => {
      clearInterval(timer)
      removeEventListener('online', quietly)
    }
  }, [home])
  return { evidence, isRefused, look }
}
