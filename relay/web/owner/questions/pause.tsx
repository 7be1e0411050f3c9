import type { SettingsChoices } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Button, Heading } from '../../kit/parts.tsx'
import { DAY_MS, nextMidnightMs, nowMs } from '../../kernel/clock.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** From the next midnight to a noon, from where an hour of summer time reaches no other day. */
const TO_THE_SIXTH_NOON_MS = 5.5 * DAY_MS
const inAWeekMs = (ms: number): number => nextMidnightMs(nextMidnightMs(ms) + TO_THE_SIXTH_NOON_MS)

/** Until when no question is shown; null when they are. */
export function pausedUntil({ requests }: SettingsChoices, atMs: number): number | null {
  const { pausedUntilMs } = requests
  return pausedUntilMs !== null && atMs < pausedUntilMs ? pausedUntilMs : null
}

/** No question for a while, on every phone of the household. */
export function Pause({
  choices,
  onChoices,
}: {
  choices: SettingsChoices
  onChoices: (next: SettingsChoices) => void
}) {
  const [switched, setSwitched] = useState(false)
  const say = words.questions.pause
  const until = pausedUntil(choices, nowMs())
  const title = until === null ? say.title : say.paused(momentWords(until))
  function pause(pausedUntilMs: number | null): void {
    onChoices({ ...choices, requests: { ...choices.requests, pausedUntilMs } })
    setSwitched(true)
  }
  return (
    <section class="card">
      {/* The button that was pressed goes away: the heading that tells what came of it takes the focus. */}
      {switched ? <Heading key={title}>{title}</Heading> : <h2>{title}</h2>}
      <p>{until === null ? say.text : say.pausedText}</p>
      <p class="row">
        {until === null ? (
          <>
            <Button onClick={() => pause(nextMidnightMs(nowMs()))}>{say.day}</Button>
            <Button onClick={() => pause(inAWeekMs(nowMs()))}>{say.week}</Button>
          </>
        ) : (
          <Button onClick={() => pause(null)}>{say.end}</Button>
        )}
      </p>
    </section>
  )
}
