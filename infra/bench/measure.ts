/** Measuring on a shared, noisy machine: every comparison runs round-robin in one process, and the best round counts. */

/** One thing measured against its peer in the same run. */
export interface Comparison {
  readonly name: string
  readonly unit: string
  readonly ours: number
  readonly peer: string
  readonly theirs: number
  /** ours ÷ theirs. */
  readonly ratio: number
  /** What the project aims for, where it aims for something. */
  readonly goal: string | null
  readonly met: boolean | null
}

/** Best of `rounds` of each work, interleaved, as seconds per call. Works that do not answer in seconds are timed. */
export async function fastest<K extends string>(
  works: Readonly<Record<K, () => Promise<number | void> | number | void>>,
  rounds: number,
): Promise<Record<K, number>> {
  const best = Object.fromEntries(Object.keys(works).map((name) => [name, Infinity])) as Record<K, number>
  for (let round = 0; round < rounds; round++) {
    for (const name of Object.keys(works) as K[]) {
      const started = performance.now()
      const told = await works[name]()
      const seconds = typeof told === 'number' ? told : (performance.now() - started) / 1000
      best[name] = Math.min(best[name], seconds)
    }
  }
  return best
}

/** A row; `goal` is a smallest acceptable ratio, or `{atMost}`. */
export function compare(
  row: Omit<Comparison, 'ratio' | 'goal' | 'met'>,
  goal?: { readonly atLeast: number } | { readonly atMost: number },
): Comparison {
  const ratio = row.ours / row.theirs
  if (goal === undefined) return { ...row, ratio, goal: null, met: null }
  const met = 'atLeast' in goal ? ratio >= goal.atLeast : ratio <= goal.atMost
  return { ...row, ratio, goal: 'atLeast' in goal ? `≥ ${goal.atLeast}` : `≤ ${goal.atMost}`, met }
}

/** Three significant figures. */
export function short(value: number): string {
  return value >= 1000 ? Math.round(value).toLocaleString('en-US') : value.toPrecision(3)
}

/** Rows as a Markdown table. */
export function tableOf(rows: readonly Comparison[]): string {
  const cells = rows.map(({ name, unit, ours, peer, theirs, ratio, goal, met }) => [
    name,
    `${short(ours)} ${unit}`,
    `${short(theirs)} ${unit} (${peer})`,
    `${short(ratio)} ×`,
    goal === null ? '' : `${goal} ${met ? 'met' : 'MISSED'}`,
  ])
  const head = ['what', 'ours', 'against', 'ratio', 'goal']
  return [head, head.map(() => '---'), ...cells].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
