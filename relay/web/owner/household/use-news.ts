import type { HouseholdFact } from '@latchkey/shared'
import { useEffect } from 'preact/hooks'
import type { Home } from './home.ts'
import { householdStreamOf } from './household-stream.ts'
import { memberClient } from './relay-clients.ts'

/** Calls `look` when the relay tells something of one of these kinds, and when some of what it told may have been missed. */
export function useNews(home: Home, kinds: readonly HouseholdFact['type'][], look: () => void): void {
  useEffect(() => {
    const end = new AbortController()
    void memberClient(home).then((client) => {
      if (end.signal.aborted) return
      const stop = householdStreamOf(client).listen((fact) => {
        if (fact === null || kinds.includes(fact.type)) look()
      })
      end.signal.addEventListener('abort', stop)
    })
    return () => end.abort()
  }, [home])
}
