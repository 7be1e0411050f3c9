import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { type AgentConfig, parseAgentConfig } from '../../device-agent/src/config.ts'
import { projectFile } from './programs.ts'

/** Asks a program to end, and waits until it has. */
export async function endProgram(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'exit')
}

/** Pairs a doorbell with a relay that is then gone for good. @returns the doorbell's configuration */
export async function pairOnce(folder: string): Promise<AgentConfig> {
  const start = spawn(
    process.execPath,
    [projectFile('infra/local/start.ts'), '--data', folder, '--port', '0', '--demo-owner'],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  )
  try {
    for await (const line of createInterface({ input: start.stdout })) if (line.includes('Latchkey is running')) break
  } finally {
    start.stdout.resume()
    await endProgram(start)
  }
  return parseAgentConfig(JSON.parse(readFileSync(join(folder, 'demo', 'agent.json'), 'utf8')))
}

/** Starts the doorbell of that configuration. */
export function startDoorbell(configPath: string): ChildProcess {
  const args = [projectFile('device-agent/src/main.ts'), 'run', '--config', configPath]
  return spawn(process.execPath, args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
