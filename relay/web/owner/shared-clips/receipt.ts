/** What an owner keeps of a consent: the words, and what anybody needs who is to find it in the log. */
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import type { GivenConsent } from './history.ts'

/** `latchkey-receipt-2026-11-23.txt`, by the day on which it was signed, UTC. */
export function receiptName({ signed }: GivenConsent): string {
  return `latchkey-receipt-${new Date(signed.payload.iat * 1000).toISOString().slice(0, 10)}.txt`
}

/**
 * A receipt as text, one thing to a paragraph; its last part is for whoever checks it: `latchkey` and the log's own rules need no more.
 * @returns null before the consent was sent
 */
export function receiptText({ signed, kept, told, digest }: GivenConsent): string | null {
  if (told === null) return null
  const say = words.shared.receipt
  const { aud, iat, latchkey } = signed.payload
  const parts = [
    say.title,
    say.who(kept?.agencyName ?? aud[1], momentWords(iat * 1000)),
    ...(kept === null ? [] : [`${say.words}\n\n${kept.notice.trimEnd()}`]),
    ...(told.downloads > 0 ? [words.shared.downloads(told.downloads, latchkey.maxDownloads)] : []),
    say.check,
    [
      `consent: ${digest}`,
      `entry of the log: ${told.index ?? '-'}`,
      `salt: ${kept?.submission.salt ?? told.salt}`,
      `signed: ${signed.raw}`,
    ].join('\n'),
  ]
  return `${parts.join('\n\n')}\n`
}
