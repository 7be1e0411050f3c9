import { access, constants } from 'node:fs/promises'
import { delimiter, isAbsolute, join } from 'node:path'
import { runChild } from '../../kernel/child-process.ts'
import type { Clock } from '../../kernel/clock.ts'
import type { RunTool } from './finding.ts'

const TIMEOUT_MS = 5_000

/** Runs small programs of the machine, found on `searchPath`. */
export function createToolRunner(searchPath: string, clock: Clock): RunTool {
  return async (name, args) => {
    for (const folder of searchPath.split(delimiter).filter(isAbsolute)) {
      const command = join(folder, name)
      if (
        !(await access(command, constants.X_OK).then(
          () => true,
          () => false,
        ))
      )
        continue
      const result = await runChild({ command, args, clock, maxOutputBytes: 65_536, timeoutMs: TIMEOUT_MS }).catch(
        () => null,
      )
      return result === null ? null : { code: result.code ?? -1, stdout: new TextDecoder().decode(result.stdout) }
    }
    return null
  }
}
