/** Every member is told of every consent: what another phone gave is said until it was looked at. */
import { consent, consentList } from '@latchkey/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import { useNews } from '../household/use-news.ts'
import type { Database } from '../kernel/database.ts'
import { phoneOf } from '../keys/phone-keys.ts'

const RECORD = 'seen-consents'
const LOOK_MS = 30_000

async function loadOthers(home: Home): Promise<string[]> {
  const [{ signer }, client] = await Promise.all([phoneOf(home.keys), memberClient(home)])
  const { consents } = await client.json('GET', '/v1/consents', consentList)
  const signed = consents.map((entry) => consent.parse(entry.consent))
  return signed.filter(({ kid }) => kid !== signer.thumbprint).map(({ digest }) => digest)
}

/** How many consents of other phones were not looked at on this one. @param isLooking the history is on the screen */
export function useConsentNews(database: Database, home: Home, isLooking: boolean): number {
  const [count, setCount] = useState(0)
  async function look(): Promise<void> {
    const others = await loadOthers(home)
    const seen = new Set(((await database.load(RECORD)) as readonly string[] | undefined) ?? [])
    if (isLooking) await database.save(RECORD, others)
    setCount(isLooking ? 0 : others.filter((digest) => !seen.has(digest)).length)
  }
  // Without a network the next look tells.
  const quietly = (): void => void look().catch(() => {})
  const newest = useRef(quietly)
  newest.current = quietly
  // What the stream calls is the look of now, not the one that was drawn first.
  useNews(home, ['consent'], () => newest.current())
  useEffect(() => {
    quietly()
    const timer = setInterval(quietly, LOOK_MS)
    return () => clearInterval(timer)
  }, [home, isLooking])
  return count
}
