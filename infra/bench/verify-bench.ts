import type { Evidence } from './evidence.ts'
import { fastest, type Measurement, measurementOf } from './measure.ts'
import { mustRun, projectFile } from './programs.ts'

const ROUNDS = 8

/** The whole command as a person runs it: Node's start, reading, fifteen checks, printing. */
export async function benchVerify({ bundle, trust, key, clipSeconds }: Evidence): Promise<Measurement[]> {
  const verify = (...more: readonly string[]) =>
    mustRun(process.execPath, [projectFile('shared/bin/latchkey.ts'), 'verify', bundle, '--trust', trust, ...more])
  const seconds = await fastest({ plain: () => void verify(), opened: () => void verify('--key', key) }, ROUNDS)
  const video = `${clipSeconds.toFixed(0)} s of video`
  return [
    measurementOf({ name: `latchkey verify, ${video}`, unit: 's', ours: seconds.plain }, { under: 1 }),
    measurementOf({ name: `the same with --key: every item decrypted`, unit: 's', ours: seconds.opened }, { under: 1 }),
  ]
}
