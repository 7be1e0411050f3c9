/** Ports of this machine, looked at before a relay is told to take one. */
import { randomInt } from 'node:crypto'
import { createServer, type AddressInfo } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { LatchkeyError } from '@latchkey/shared'

const HOST = '127.0.0.1'
/** A relay whose launcher was killed lets go of its port within this. */
const WAIT_MS = 10_000
const LOOK_EVERY_MS = 200
/**
 * Below the ports that Linux hands out by itself (32768 to 60999, `ip_local_port_range`): a port that is let go of for a
 * moment is then not taken by any connection of this machine.
 */
const LOWEST_PORT = 16_000
const ABOVE_HIGHEST_PORT = 32_000
const MAX_TRIES = 100

/** Binds and lets go again. @returns the port, or the system's code for why not */
function tryPort(port: number): Promise<number | string> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message))
    server.listen(port, HOST, () => {
      const taken = (server.address() as AddressInfo).port
      server.close(() => resolve(taken))
    })
  })
}

/** A port that nobody listens on, and that can be left and taken again. @throws CONFLICT when there is none */
export async function findFreePort(): Promise<number> {
  let found: number | string = ''
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    found = await tryPort(randomInt(LOWEST_PORT, ABOVE_HIGHEST_PORT))
    if (typeof found === 'number') return found
  }
  throw new LatchkeyError('CONFLICT', `no port of ${HOST} can be used (${found})`)
}

/**
 * A port that can be listened on now; waits a moment for one that a former run is about to leave.
 * @param port 0 takes any free one
 * @param say told once when there is something to wait for
 * @throws CONFLICT when it is and stays taken
 */
export async function choosePort(port: number, say: (line: string) => void): Promise<number> {
  if (port === 0) return findFreePort()
  const deadlineMs = performance.now() + WAIT_MS
  let found = await tryPort(port)
  if (found === 'EADDRINUSE') say(`Port ${port} is taken; waiting a moment in case a former run is about to end…`)
  while (found === 'EADDRINUSE' && performance.now() < deadlineMs) {
    await delay(LOOK_EVERY_MS)
    found = await tryPort(port)
  }
  if (typeof found === 'number') return found
  const why = found === 'EADDRINUSE' ? 'is taken by another program' : `cannot be used (${found})`
  throw new LatchkeyError('CONFLICT', `port ${port} of ${HOST} ${why}: end that program, or choose another with --port`)
}
