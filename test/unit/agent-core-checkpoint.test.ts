import {
  createNoteSigner,
  createSigner,
  digestOf,
  encodeTilePath,
  encodeVkey,
  extendTiles,
  LatchkeyError,
  randomBytes,
  rootOfLeaves,
  signCheckpoint,
  type TreeHash,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { type CheckpointKeeper, createCheckpointKeeper } from '../../device-agent/src/link/checkpoint-keeper.ts'
import { silentLog } from '../support/agent-rig.ts'
import { createLeapingClock } from '../support/leaping-clock.ts'
import { createTileShelf, leafHashesOf } from '../support/log-leaves.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

const ORIGIN = 'relay.example/log'

/** A log whose tiles and checkpoint are served as the relay serves them; `show` says what it claims. */
async function createServedLog() {
  const signer = createNoteSigner(ORIGIN, createSigner(randomBytes(32)))
  const shelf = createTileShelf()
  let raw: Uint8Array | null = null
  let asked = 0
  return {
    vkey: encodeVkey(signer.key),
    get asked() {
      return asked
    },
    async grow(from: number, hashes: readonly TreeHash[]) {
      shelf.put(await extendTiles(from, hashes.slice(from), shelf.readTile))
    },
    async show(hashes: readonly TreeHash[]) {
      raw = await signCheckpoint({ origin: ORIGIN, size: hashes.length, root: rootOfLeaves(hashes) }, signer)
      return digestOf(raw)
    },
    async fetchBytes(path: string): Promise<Uint8Array> {
      if (path === '/log/checkpoint') {
        asked++
        if (raw === null) throw new LatchkeyError('UNAVAILABLE', 'none')
        return raw
      }
      const found = shelf.paths().find((known) => path === `/log/${known}`)
      if (!found) throw new LatchkeyError('NOT_FOUND', 'no tile')
      const [, level, rest] = /^tile\/(\d+)\/(.*)$/.exec(found)!
      const [number, width] = rest!.split('.p/')
      const tile = { level: Number(level), index: Number(number), width: Number(width ?? 256) }
      expect(encodeTilePath(tile)).toBe(found)
      return shelf.readTile(tile)
    },
  }
}

/** Waits until the keeper has looked at the log at least once more. */
async function lookAgain(keeper: CheckpointKeeper, log: { readonly asked: number }): Promise<void> {
  const before = log.asked
  keeper.wake()
  await eventually(() => log.asked > before + 1, 'two more looks')
}

const open = (path: string, log: Awaited<ReturnType<typeof createServedLog>>, vkey = log.vkey) =>
  createCheckpointKeeper({
    path: `${path}/checkpoint`,
    logVkey: vkey,
    fetchBytes: (at) => log.fetchBytes(at),
    clock: createLeapingClock(),
    log: silentLog,
  })

describe('the checkpoint keeper', () => {
  test('knows nothing before the first checkpoint, then the newest that is proven, also after a restart', async () => {
    await using folder = await createTemporaryFolder()
    const log = await createServedLog()
    const hashes = leafHashesOf(9)
    {
      await using keeper = await open(folder.path, log)
      expect(keeper.seen()).toBeNull()
      await log.grow(0, hashes.slice(0, 5))
      const first = await log.show(hashes.slice(0, 5))
      await eventually(() => keeper.seen()?.sha256 === first, 'the first checkpoint')
      await log.grow(5, hashes)
      const second = await log.show(hashes)
      await eventually(() => keeper.seen()?.sha256 === second, 'the second checkpoint')
      expect(keeper.seen()).toEqual({ origin: ORIGIN, size: 9, sha256: second })
    }
    await using again = await open(folder.path, log)
    expect(again.seen()?.size).toBe(9)
  })

  test('keeps what it has when the log shows a smaller, another or an unproven tree', async () => {
    await using folder = await createTemporaryFolder()
    const log = await createServedLog()
    const hashes = leafHashesOf(12)
    await log.grow(0, hashes.slice(0, 6))
    const held = await log.show(hashes.slice(0, 6))
    await using keeper = await open(folder.path, log)
    await eventually(() => keeper.seen()?.sha256 === held, 'the first checkpoint')
    const forks = [hashes.slice(0, 3), hashes.slice(0, 6).toReversed(), hashes.toReversed()]
    for (const fork of forks) {
      await log.show(fork)
      await lookAgain(keeper, log)
      expect(keeper.seen()).toEqual({ origin: ORIGIN, size: 6, sha256: held })
    }
  })

  test('takes nothing that the pinned key did not sign', async () => {
    await using folder = await createTemporaryFolder()
    const log = await createServedLog()
    const other = await createServedLog()
    await log.show(leafHashesOf(2))
    await using keeper = await open(folder.path, log, other.vkey)
    await lookAgain(keeper, log)
    expect(keeper.seen()).toBeNull()
  })
})
