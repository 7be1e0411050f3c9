/** Every member is told of every consent: what another phone gave is said until it was looked at. */
import { consent, consentList } from '@latchkey/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import { useNews } from '../household/use-news.ts'
import { sleep } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { phoneOf } from '../keys/phone-keys.ts'

const RECORD = 'seen-consents'
const LOOK_MS = 30_000
const RETRY_MS = 3_000

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
  const newest = useRef(look)
  newest.current = look
  // What the stream calls is the look of now, not the one that was drawn first.
  useNews(home, ['consent'], () => void newest.current().catch(() => {}))
  useEffect(() => {
    const end = new AbortController()
    // Without a network a later look tells.
    const pace = (): Promise<number> =>
      look().then(
        () => LOOK_MS,
        () => RETRY_MS,
      )
    async function follow(): Promise<void> {
      while (!end.signal.aborted) await sleep(await pace(), end.signal)
    }
    void follow()
    return () => end.abort()
  }, [home, isLooking])
  return count
}
