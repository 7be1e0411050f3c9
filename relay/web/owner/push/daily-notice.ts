/** The daily look: everything is fetched that a look at the app fetches, whatever is then shown of it. */
import { judgeClips, type SettingsChoices } from '@latchkey/shared'
import { loadJudgeContext } from '../clips/clip-memory.ts'
import { timesOf } from '../clips/listed-clip.ts'
import { loadClips } from '../clips/load-clips.ts'
import { createOutbox } from '../decide/outbox.ts'
import type { Home } from '../household/home.ts'
import { DAY_MS, nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { createLogKeeper } from '../log/log-keeper.ts'
import { loadQuestions } from '../questions/load-questions.ts'
import { matchQuestions } from '../questions/match.ts'
import { words } from '../words/words.ts'
import type { Notice } from './door-notice.ts'

/** How many clips of the last day are ours, and how many questions wait that concern them. @throws UNAVAILABLE and other codes */
async function look({ database, home }: { database: Database; home: Home }, choices: SettingsChoices) {
  const [{ asked }, clips, decisions, context] = await Promise.all([
    loadQuestions(home, createLogKeeper(database, home)),
    loadClips(home),
    createOutbox(database, home).list(),
    loadJudgeContext(home, database),
  ])
  const answered = new Set(decisions.map(({ request }) => request))
  const matches = matchQuestions(choices, { asked, clips }, context)
  const waiting = matches.filter(({ question }) => !answered.has(question.request.digest))
  const sinceMs = nowMs() - DAY_MS
  const fresh = judgeClips(clips, context).filter(
    ({ isGenuine, statement }) => isGenuine && timesOf(statement!.manifest.payload.latchkey).startMs >= sinceMs,
  )
  return { clips: fresh.length, questions: choices.requests.on ? waiting.length : null }
}

/** What to say of the day. Never throws: a browser that was written to must show something. */
export async function dailyNotice(
  parts: { readonly database: Database; readonly home: Home },
  choices: SettingsChoices,
): Promise<Notice> {
  const say = words.push.today
  const common = { title: say.title, tag: 'daily', silent: false } as const
  try {
    const { clips, questions } = await look(parts, choices)
    const page = questions === null || questions === 0 ? 'clips' : 'questions'
    return { ...common, body: say.found(clips, questions), page }
  } catch {
    return { ...common, body: say.unreachable, page: 'clips' }
  }
}
