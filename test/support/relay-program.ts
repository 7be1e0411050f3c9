import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Relay } from '../../relay/src/relay.ts'
import { runs } from './counts.ts'
import { eventually } from './poll.ts'

const MAIN = new URL('../../relay/src/main.ts', import.meta.url).pathname

/** What the program says of itself once it is ready. */
export type RelayReady = Omit<Relay, typeof Symbol.asyncDispose>

/** The relay's own program, running. */
export interface RelayProgram {
  readonly ready: RelayReady
  /** Ends it; its exit code, null by a signal. */
  end(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | null>
}

function readyOf(output: string): RelayReady | null {
  const line = output.split('\n').find((text) => text.includes('"relay.ready"'))
  return line === undefined ? null : (JSON.parse(line) as RelayReady)
}

const hasEnded = ({ exitCode, signalCode }: ChildProcess): boolean => exitCode !== null || signalCode !== null

/** Starts it by a configuration file and waits until it is ready. */
export async function startRelayProgram(config: string): Promise<RelayProgram> {
  // Whoever ends this test by force ends the relay with it.
  const command = ['--pdeathsig', 'KILL', process.execPath, MAIN, '--config', config]
  const child = spawn('setpriv', command, { stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr])
    stream.on('data', (chunk: Buffer) => {
      if (readyOf(output) === null) output += chunk.toString()
    })
  const ready = await eventually(
    () => {
      if (hasEnded(child))
        throw new Error(`the relay ended by itself, ${child.signalCode ?? child.exitCode}: ${output}`)
      return readyOf(output)
    },
    'the relay to be ready',
    runs(30_000, 180_000),
  ).catch((cause: unknown) => {
    child.kill('SIGKILL')
    throw new Error(`the relay does not start: ${output}`, { cause })
  })
  return {
    ready,
    end: async (signal) => {
      if (hasEnded(child)) return child.exitCode
      const exited = once(child, 'exit')
      child.kill(signal)
      return ((await exited) as [number | null])[0]
    },
  }
}
