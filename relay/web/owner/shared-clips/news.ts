/** Every member is told of every consent: what another phone gave, and what was passed on, is said until it was looked at. */
import { consent, consentList, digestOfJws } from '@latchkey/shared'
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

/** What was not looked at on this phone. */
interface News {
  /** Consents that other phones signed. */
  readonly given: number
  /** Entries of who got next what was given. */
  readonly passedOn: number
}

const NO_NEWS: News = { given: 0, passedOn: 0 }

/** Digests of what this phone did not sign itself. */
async function loadOthers(home: Home): Promise<Record<keyof News, string[]>> {
  const [{ signer }, client] = await Promise.all([phoneOf(home.keys), memberClient(home)])
  const { consents } = await client.json('GET', '/v1/consents', consentList)
  const signed = consents.map((entry) => consent.parse(entry.consent))
  const entries = consents.flatMap(({ releases }) => releases.flatMap(({ sharedOn }) => sharedOn))
  return {
    given: signed.filter(({ kid }) => kid !== signer.thumbprint).map(({ digest }) => digest),
    passedOn: entries.map(({ sharedOn }) => digestOfJws(sharedOn)),
  }
}

/** How much there is that was not looked at here. @param isLooking the history is on the screen */
export function useConsentNews(database: Database, home: Home, isLooking: boolean): News {
  const [news, setNews] = useState(NO_NEWS)
  async function look(): Promise<void> {
    const others = await loadOthers(home)
    const seen = new Set(((await database.load(RECORD)) as readonly string[] | undefined) ?? [])
    if (isLooking) await database.save(RECORD, [...others.given, ...others.passedOn])
    const unseen = (digests: readonly string[]): number => digests.filter((digest) => !seen.has(digest)).length
    setNews(isLooking ? NO_NEWS : { given: unseen(others.given), passedOn: unseen(others.passedOn) })
  }
  const newest = useRef(look)
  newest.current = look
  // What the stream calls is the look of now, not the one that was drawn first.
  useNews(home, ['consent', 'shared-on'], () => void newest.current().catch(() => {}))
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
  return news
}
