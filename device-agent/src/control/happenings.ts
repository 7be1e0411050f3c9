import type { AgentSnapshot, HappeningNews } from './control-message.ts'

/** What happened lately, in memory only: gone with the process, and said so by `startedMs`. */
export interface Happenings {
  add(news: HappeningNews): void
  readonly recent: readonly HappeningNews[]
  readonly counts: AgentSnapshot['counts']
}

const KEPT = 20

/** Keeps the newest happenings and counts them all. */
export function createHappenings(): Happenings {
  let recent: readonly HappeningNews[] = []
  const counts = { motions: 0, rings: 0, clips: 0, uploaded: 0 }

  function count(news: HappeningNews): void {
    if (news.kind === 'door') counts[news.trigger === 'ring' ? 'rings' : 'motions']++
    if (news.kind === 'clip') counts.clips++
    if (news.kind === 'uploaded') counts.uploaded++
  }

  return {
    add(news) {
      count(news)
      recent = [...recent, news].slice(-KEPT)
    },
    get recent() {
      return recent
    },
    get counts() {
      return { ...counts }
    },
  }
}
