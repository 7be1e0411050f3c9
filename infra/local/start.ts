import { once } from 'node:events'
import { LatchkeyError } from '@latchkey/shared'
import { HELP, parseStartArguments, type StartOptions } from './arguments.ts'
import { createProcessKeeper, type ProcessKeeper } from './managed-process.ts'
import { listenForStop } from './stop-signal.ts'

/** As a shell names it: 128 + SIGINT. */
const INTERRUPTED = 130

/** Each of the three is loaded when it is asked for: help and wrong usage wait for none of them. */
async function run(options: StartOptions, keeper: ProcessKeeper, print: (line: string) => void): Promise<number> {
  if (options.ask) {
    const { askOwner } = await import('./ask.ts')
    await askOwner(options, print)
    return 0
  }
  if (options.out === null) {
    const { runLive } = await import('./live.ts')
    return runLive(options, { keeper, print })
  }
  const { runWalkthrough } = await import('./walkthrough.ts')
  await runWalkthrough({ ...options, out: options.out }, { keeper, print })
  return 0
}

/** Runs until it is done or somebody stops it; leaves no process behind. */
async function runUntilStopped(options: StartOptions): Promise<number> {
  const stop = listenForStop()
  await using keeper = createProcessKeeper()
  const print = (line: string) => {
    // What is under way when it is stopped has nothing more to say.
    if (!stop.aborted) console.log(line)
  }
  const stopped = once(stop, 'abort').then(() => 'stopped' as const)
  const outcome = await Promise.race([run(options, keeper, print), stopped])
  if (outcome !== 'stopped') return outcome
  console.log('\nStopping…')
  await keeper.stopAll()
  console.log('Stopped.')
  // A relay that is told to stop did what it was meant to; a walkthrough did not.
  return options.walkthrough ? INTERRUPTED : 0
}

/** Exit codes: 0 done or stopped in order, 1 failed, 2 wrong usage, 130 interrupted before the walkthrough was done. */
async function main(): Promise<number> {
  const options = parseStartArguments(process.argv.slice(2))
  if ('usage' in options) {
    console.error(`${options.usage}\n\n${HELP}`)
    return 2
  }
  if (options.help) {
    console.log(HELP)
    return 0
  }
  return runUntilStopped(options)
}

async function exitCode(): Promise<number> {
  try {
    return await main()
  } catch (error) {
    const known = error instanceof LatchkeyError
    console.error(`\n${known ? `${error.code}: ` : ''}${error instanceof Error ? error.message : String(error)}`)
    return known && error.code === 'USAGE' ? 2 : 1
  }
}

// What was given up when it was stopped may still be waiting for something.
process.exit(await exitCode())
