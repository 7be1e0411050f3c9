import { createRelayClient } from '@latchkey/shared/client'
import { mkdir, chown } from 'node:fs/promises'
import { join } from 'node:path'
import type { AgentConfig } from '../../config.ts'
import { createDirectory, removeTemporaries } from '../../kernel/atomic-file.ts'
import { randomFraction } from '../../kernel/backoff.ts'
import { type Clock, systemClock, type Timer } from '../../kernel/clock.ts'
import { lockDirectory } from '../../kernel/instance-lock.ts'
import { loadDeviceKey } from '../../keys/device-key.ts'
import { type PairingDisplay, runPairing } from '../../keys/pairing.ts'
import { createPairingStore } from '../../keys/pairing-state.ts'
import { createRelayPairingClient } from '../../keys/relay-pairing-client.ts'
import type { Terminal } from '../terminal.ts'
import { type Account, actAs } from './account.ts'
import { drawQrCode, type QrCanvas } from './qr-code.ts'

/** What pairing at the terminal needs. */
export interface PairingAtTerminal {
  readonly config: AgentConfig
  readonly terminal: Terminal
  readonly canvas: QrCanvas
  readonly account: Account | null
  readonly signal: AbortSignal
}

const TICK_MS = 1_000

/** `14:59`. */
const minutes = (ms: number): string => {
  const seconds = Math.max(0, Math.round(ms / 1000))
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

/** How the code and the waiting are shown. */
export function createPairingDisplay(
  terminal: Terminal,
  canvas: QrCanvas,
  clock: Clock,
): PairingDisplay & Disposable & { digits: string | null } {
  let timer: Timer | undefined
  const clear = () => {
    timer?.cancel()
    if (terminal.isInteractive) terminal.write('\r\u001b[K')
  }
  function wait(untilMs: number): void {
    terminal.write(`\r\u001b[K  Waiting for the phone, ${minutes(untilMs - clock.nowMs())} left (Ctrl-C stops)`)
    timer = clock.setTimer(TICK_MS, () => wait(untilMs))
  }
  const display = {
    digits: null as string | null,
    onCode(url: string, untilMs: number) {
      clear()
      const code = drawQrCode(url, canvas)
      terminal.write('\nOn the owner’s phone, scan this code with the camera, or open the address below it.\n\n')
      if (code === null) terminal.write(`${tooNarrow(url, canvas)}\n\n`)
      else process.stdout.write(`${code.map((row) => `  ${row}`).join('\n')}\n\n`)
      terminal.write(`  ${url}\n\n`)
      if (terminal.isInteractive) wait(untilMs)
    },
    onPaired(digits: string) {
      clear()
      display.digits = digits
    },
    onWrongAnswer(left: number) {
      clear()
      terminal.write(
        `  Something answered that had not read the code: the code is void (${left} more and pairing pauses).\n`,
      )
    },
    onPause(reason: 'relay-away' | 'too-many-wrong') {
      clear()
      const why =
        reason === 'relay-away'
          ? 'The relay does not answer; trying again.'
          : 'Too many wrong answers: pairing pauses for 15 minutes.'
      terminal.write(`  ${why}\n`)
    },
    [Symbol.dispose]: clear,
  }
  return display
}

function tooNarrow(url: string, canvas: QrCanvas): string {
  const needed = drawQrCode(url, { ...canvas, columns: Infinity })?.[0]
  if (needed === undefined) return '  (This terminal cannot show the code itself: open the address.)'
  // Escape sequences take no room; a cell is a character, or two spaces.
  const cells = needed.replaceAll(/\u001b\[[\d;]*m/g, '').length
  return `  (The code needs a window ${cells + 2} columns wide: make it wider and begin again, or open the address.)`
}

/** Makes the data directory the service's own when it is not there. */
async function prepareDirectory(directory: string, account: Account | null): Promise<void> {
  if (account === null) return createDirectory(directory)
  const made = await mkdir(directory, { recursive: true, mode: 0o700 })
  if (made !== undefined) await chown(directory, account.uid, account.gid)
}

/**
 * Pairs the device whose data directory `config` names, showing the code here.
 * @returns the six digits to compare, or null when the person left
 * @throws CONFLICT when an agent runs on the directory, and what {@link runPairing} throws
 */
export async function pairAtTerminal(options: PairingAtTerminal): Promise<string | null> {
  const { config, terminal, canvas, account, signal } = options
  const clock = systemClock
  await prepareDirectory(config.dataDir, account)
  return actAs(account, async () => {
    const keys = join(config.dataDir, 'keys')
    await createDirectory(keys)
    await using stack = new AsyncDisposableStack()
    stack.use(await lockDirectory(config.dataDir))
    await removeTemporaries(keys)
    const display = stack.use(createPairingDisplay(terminal, { ...canvas, columns: canvas.columns - 2 }, clock))
    const { origin, pageOrigin = origin, logVkey = null } = config.relay
    const state = await runPairing({
      relay: createRelayPairingClient(createRelayClient({ origin, nowMs: () => clock.nowMs() })),
      relayOrigin: origin,
      pageOrigin,
      logVkey,
      signer: await loadDeviceKey(join(keys, 'device.key')),
      store: createPairingStore(keys),
      clock,
      random: randomFraction,
      display,
      signal,
    })
    return state === null ? null : display.digits
  })
}
