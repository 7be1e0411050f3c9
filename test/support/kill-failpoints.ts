import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Failpoints } from '../../relay/src/kernel/failpoint.ts'

/** Failpoints of a relay that runs already: `arm` chooses where its life ends. */
export interface FatalFailpoints extends Failpoints {
  /** `skip`: hits of that name to let pass first. */
  arm(name: string, skip?: number): void
  readonly reached: boolean
}

/**
 * Once the armed point is reached, nothing that passes any point goes on, for ever: a dead process writes no more. What it
 * holds of others (connections, locks) is for the test to take away, as the kernel would.
 */
export function createFatalFailpoints(): FatalFailpoints {
  let armed = { name: '', left: 0 }
  let reached = false
  return {
    arm(name, skip = 0) {
      armed = { name, left: skip }
    },
    get reached() {
      return reached
    },
    hit(name) {
      reached ||= name === armed.name && armed.left-- <= 0
      return reached ? new Promise(() => {}) : Promise.resolve()
    },
  }
}

/** One step that the code marks as durable, and the failpoints between it and the next. */
export interface DurableStep {
  readonly file: string
  /** As in `Durable 2/5`. */
  readonly step: number
  readonly of: number
  readonly hits: readonly string[]
}

/** One comment may speak of several steps: then the last one counts. */
const MARKS = /\/\/ Durable (\d)\/(\d)(?:[^\n]*?(\d)\/\2)*|\.hit\(\s*[`']([^`']+)[`']/g

/** Every `Durable n/m` in the sources below `folder`, in the order in which they stand, and every name that is hit. */
export async function loadDurableSteps(folder: string): Promise<{ steps: DurableStep[]; names: string[] }> {
  const [steps, names]: [DurableStep[], string[]] = [[], []]
  const files = (await readdir(folder, { recursive: true })).filter((name) => name.endsWith('.ts')).sort()
  for (const file of files) {
    const text = await readFile(join(folder, file), 'utf8')
    let last: { hits: string[] } | null = null
    for (const [, step, of, later, name] of text.matchAll(MARKS)) {
      if (name !== undefined) {
        names.push(name)
        last?.hits.push(name)
        continue
      }
      const mark = { file, step: Number(later ?? step), of: Number(of), hits: [] }
      steps.push(mark)
      last = mark
    }
  }
  return { steps, names }
}
