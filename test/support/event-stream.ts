import { type HouseholdLine, householdLine, parseWith } from '@latchkey/shared'
import { eventually } from './poll.ts'
import type { Party } from './relay-world.ts'

type LineOf<T extends HouseholdLine['type']> = Extract<HouseholdLine, { type: T }>

/** A phone that listens to its household. */
export interface EventListener extends Disposable {
  readonly lines: readonly HouseholdLine[]
  /** How it ended: behind a whole line, or broken off. */
  readonly ended: Promise<'closed' | 'cut'>
  ofType<T extends HouseholdLine['type']>(type: T): LineOf<T>[]
  /** The first line that is as wanted, waiting for it. */
  line<T extends HouseholdLine['type']>(type: T, isWanted?: (line: LineOf<T>) => boolean): Promise<LineOf<T>>
}

async function readLines(response: Response, lines: HouseholdLine[]): Promise<'closed' | 'cut'> {
  let rest = ''
  try {
    for await (const chunk of response.body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + chunk).split('\n')
      rest = parts.pop()!
      for (const part of parts) lines.push(parseWith(householdLine, JSON.parse(part), 'line'))
    }
  } catch {
    return 'cut'
  }
  return rest === '' ? 'closed' : 'cut'
}

/** Opens `GET /v1/events` as this member; resolves when it began. */
export async function listenAs(party: Pick<Party, 'client'>, query = ''): Promise<EventListener> {
  const stop = new AbortController()
  const request = { signal: stop.signal, timeoutMs: 600_000 }
  const response = await party.client.send('GET', `/v1/events${query}`, request)
  if (response.status !== 200) throw new Error(`expected a stream, got ${response.status}`)
  const lines: HouseholdLine[] = []
  const ended = readLines(response, lines)
  const ofType = <T extends HouseholdLine['type']>(type: T) =>
    lines.filter((line): line is LineOf<T> => line.type === type)
  const listener: EventListener = {
    lines,
    ended,
    ofType,
    line: (type, isWanted = () => true) => eventually(() => ofType(type).find(isWanted), `a line of ${type}`, 60_000),
    [Symbol.dispose]: () => stop.abort(),
  }
  await listener.line('start')
  return listener
}
