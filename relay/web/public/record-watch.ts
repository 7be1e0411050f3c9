import { setTimeout as wait } from 'node:timers/promises'
import type { RecordKeeper } from './record.ts'

/**
 * Looks until it is told to stop. What is wrong, and when the relay comes or goes, is said once.
 * @param options.say told one line each
 */
export async function keepLooking(
  keeper: RecordKeeper,
  { everyMs, signal, say }: { everyMs: number; signal: AbortSignal; say: (line: string) => void },
): Promise<void> {
  let told = 0
  let away = ''
  while (!signal.aborted) {
    await keeper.look()
    const { findings, failure } = keeper.record
    for (const { code, index, message } of findings.slice(told)) say(`${code} ${index ?? 'log'} ${message}`)
    told = findings.length
    if ((failure ?? '') !== away) say(failure ?? 'the relay answers again')
    away = failure ?? ''
    await wait(everyMs, undefined, { signal }).catch(() => undefined)
  }
}
