import { LatchkeyError } from '@latchkey/shared'
import { HELP, parseStartArguments } from './arguments.ts'
import { runLive } from './live.ts'
import { runWalkthrough } from './walkthrough.ts'

const print = (line: string) => console.log(line)

/** Exit codes: 0 done, 1 failed, 2 wrong usage. */
async function main(): Promise<number> {
  const options = parseStartArguments(process.argv.slice(2))
  if ('usage' in options) {
    console.error(`${options.usage}\n\n${HELP}`)
    return 2
  }
  if (options.help) {
    print(HELP)
    return 0
  }
  if (!options.walkthrough || options.out === null) return runLive(options, print)
  await runWalkthrough({ ...options, out: options.out }, print)
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  const known = error instanceof LatchkeyError
  console.error(`\n${known ? `${error.code}: ` : ''}${error instanceof Error ? error.message : String(error)}`)
  process.exitCode = known && error.code === 'USAGE' ? 2 : 1
}
