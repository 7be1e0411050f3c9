import { digestOf, LatchkeyError, utf8 } from '@latchkey/shared'
import { realpath } from 'node:fs/promises'
import { createServer } from 'node:net'

/**
 * Makes this process the only agent on `directory`: a name in Linux's abstract socket namespace, which the kernel frees
 * when the process ends, however it ends.
 * @throws CONFLICT when another agent has it
 */
export async function lockDirectory(directory: string): Promise<AsyncDisposable> {
  const server = createServer((socket) => socket.destroy())
  const name = `\0latchkey-agent-${digestOf(utf8(await realpath(directory)))}`
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(new LatchkeyError('CONFLICT', 'another agent uses this data directory', { cause })),
    )
    server.listen(name, resolve)
  })
  server.unref()
  return { [Symbol.asyncDispose]: () => new Promise((resolve) => server.close(() => resolve())) }
}
