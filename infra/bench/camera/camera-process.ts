import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'

/** A network camera that is a process: it can be stopped in the middle of whatever it does, and go on. */
export interface CameraProcess extends AsyncDisposable {
  readonly url: string
  /** SIGSTOP: connections stay open, new ones are taken by the kernel, and nothing answers. */
  stall(): void
  /** SIGCONT. */
  resume(): void
}

/** Starts one that plays the video at `path` in a loop. */
export async function startCameraProcess(path: string): Promise<CameraProcess> {
  const program = fileURLToPath(new URL('camera-program.ts', import.meta.url))
  const child = spawn(process.execPath, [program, path], { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const url of createInterface({ input: child.stdout }))
    return {
      url,
      stall: () => void child.kill('SIGSTOP'),
      resume: () => void child.kill('SIGCONT'),
      async [Symbol.asyncDispose]() {
        // Also ends one that is stopped.
        child.kill('SIGKILL')
        if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      },
    }
  throw new Error('the camera ended before it had an address')
}
