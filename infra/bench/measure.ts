/** Measuring on a shared, noisy machine: rivals run in turns within one process, and each one's best round counts. */

/** One line of the table. */
export interface Measurement {
  readonly name: string
  readonly unit: string
  readonly ours: number
  /** What it is held against in the same run, where there is such a thing. */
  readonly peer: { readonly name: string; readonly value: number } | null
  /** ours ÷ peer. */
  readonly ratio: number | null
  /** What the project aims for, where it aims for something. */
  readonly goal: string | null
  readonly met: boolean | null
}

type Goal =
  | { readonly ratioAtLeast: number }
  | { readonly ratioAtMost: number }
  | { readonly atLeast: number }
  | { readonly under: number }
  | undefined

function judge(goal: Goal, ours: number, ratio: number | null): Pick<Measurement, 'goal' | 'met'> {
  if (goal === undefined) return { goal: null, met: null }
  if ('under' in goal) return { goal: `< ${goal.under}`, met: ours < goal.under }
  if ('atLeast' in goal) return { goal: `≥ ${goal.atLeast}`, met: ours >= goal.atLeast }
  if (ratio === null) throw new Error('a goal for a ratio needs a peer')
  if ('ratioAtLeast' in goal) return { goal: `≥ ${goal.ratioAtLeast} ×`, met: ratio >= goal.ratioAtLeast }
  return { goal: `≤ ${goal.ratioAtMost} ×`, met: ratio <= goal.ratioAtMost }
}

/** A line with its ratio worked out and its goal judged. */
export function measurementOf(
  facts: Pick<Measurement, 'name' | 'unit' | 'ours'> & { readonly peer?: { name: string; value: number } },
  goal?: Goal,
): Measurement {
  const peer = facts.peer ?? null
  const ratio = peer === null ? null : facts.ours / peer.value
  return { ...facts, peer, ratio, ...judge(goal, facts.ours, ratio) }
}

/**
 * Seconds per call of each work: the best of `rounds`, taken in turns.
 * @param works a work that answers with a number has timed itself, in seconds
 */
export async function fastest<K extends string>(
  works: Readonly<Record<K, () => unknown>>,
  rounds: number,
): Promise<Record<K, number>> {
  const best = Object.fromEntries(Object.keys(works).map((name) => [name, Infinity])) as Record<K, number>
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(works) as K[]) {
      const started = performance.now()
      const told: unknown = await works[name]()
      const seconds = typeof told === 'number' ? told : (performance.now() - started) / 1000
      best[name] = Math.min(best[name], seconds)
    }
  }
  return best
}

/** The value that `share` of them do not exceed: of 36 values, p99 is the worst. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((a, b) => a - b)
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)]!
}

/** Three significant figures. */
function short(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}

/** Lines as a Markdown table. */
export function tableOf(lines: readonly Measurement[]): string {
  const cells = lines.map(({ name, unit, ours, peer, ratio, goal, met }) => [
    name,
    `${short(ours)} ${unit}`,
    peer === null ? '' : `${peer.name}: ${short(peer.value)} ${unit}`,
    ratio === null ? '' : `${short(ratio)} ×`,
    goal === null ? '' : `${goal} ${met ? 'met' : 'MISSED'}`,
  ])
  const head = ['what', 'ours', 'against', 'ratio', 'goal']
  return [head, ['---', '---:', '---', '---:', '---'], ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
