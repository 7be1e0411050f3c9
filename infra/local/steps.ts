/** The walkthrough as a person reads it: numbered steps, each with what happened and how long it took. */
export interface StepRecord {
  readonly name: string
  readonly ms: number
}

/** Runs and records steps in order. */
export interface Steps {
  readonly records: readonly StepRecord[]
  /** Runs one step; `say` inside it prints a detail line. */
  run<T>(name: string, title: string, work: (say: (line: string) => void) => Promise<T>): Promise<T>
}

/** @param print where lines go, without a line feed */
export function createSteps(print: (line: string) => void): Steps {
  const records: StepRecord[] = []
  return {
    records,
    async run(name, title, work) {
      const started = performance.now()
      print(`\n${String(records.length + 1).padStart(2)}. ${title}`)
      const result = await work((line) => print(`      ${line}`))
      const ms = Math.round(performance.now() - started)
      records.push({ name, ms })
      print(`      ${name}: ${(ms / 1000).toFixed(2)} s`)
      return result
    },
  }
}
