import { appendFile, readFile, truncate, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { type Disk, plainDisk } from '../../device-agent/src/kernel/disk.ts'
import { openDiskOutbox, type OutboxOptions } from '../../device-agent/src/link/disk-outbox.ts'
import { clipId, TEST_CLOCK } from '../support/agent-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const open = (folder: string, options: Partial<OutboxOptions> = {}) =>
  openDiskOutbox({
    path: `${folder}/outbox.log`,
    stamp: () => ({ boot: clipId(7), monotonicMs: 1.5, clock: TEST_CLOCK }),
    maximumEvents: 1_000,
    ...options,
  })
const motion = (atMs: number) => ({ type: 'motion' as const, event: clipId(1), atMs })

describe('the outbox', () => {
  test('gives every event its place, and still has them after a crash', async () => {
    await using folder = await createTemporaryFolder()
    const before = await open(folder.path)
    for (let n = 1; n <= 5; n++) await before.append(motion(n))
    await using after = await open(folder.path)
    expect(after.stream).toBe(before.stream)
    expect(after.after(0).map(({ sequence, atMs }) => [sequence, atMs])).toEqual([1, 2, 3, 4, 5].map((n) => [n, n]))
    expect((await after.append(motion(6))).sequence).toBe(6)
  })

  test('cuts off an event that was not written to its end, wherever that was', async () => {
    await using folder = await createTemporaryFolder()
    const path = `${folder.path}/outbox.log`
    const before = await open(folder.path)
    await before.append(motion(1))
    const whole = (await readFile(path)).length
    await before.append(motion(2))
    const bytes = await readFile(path)
    for (let end = whole; end < bytes.length; end++) {
      await writeFile(path, bytes.subarray(0, end))
      const after = await open(folder.path)
      expect([after.last, after.stream]).toEqual([1, before.stream])
      expect((await after.append(motion(3))).sequence).toBe(2)
      await after[Symbol.asyncDispose]()
    }
  })

  test.each([
    ['in its middle', '"atMs":2', 0x58, [1, 3]],
    ['in its middle, no text any more', '"atMs":2', 0xff, [1, 3]],
    ['at its first event', '"atMs":1', 0x58, [2, 3]],
    ['in its header', '"header"', 0x58, [1, 2, 3]],
  ])(
    'starts a stream of its own with every event that is whole when the disk damaged it %s',
    async (_, at, byte, left) => {
      await using folder = await createTemporaryFolder()
      const path = `${folder.path}/outbox.log`
      const before = await open(folder.path)
      for (let n = 1; n <= 3; n++) await before.append(motion(n), n)
      const bytes = await readFile(path)
      bytes[bytes.indexOf(at)] = byte
      await writeFile(path, bytes)
      await using after = await open(folder.path)
      expect(after.stream).not.toBe(before.stream)
      expect(after.after(0).map(({ atMs, sequence, stream }) => [atMs, sequence, stream])).toEqual(
        left.map((atMs, i) => [atMs, i + 1, after.stream]),
      )
      expect(after.mark).toBe(3)
    },
  )

  test('sets a file aside of which nothing is whole, and begins anew', async () => {
    await using folder = await createTemporaryFolder()
    const path = `${folder.path}/outbox.log`
    await (await open(folder.path)).append(motion(1))
    await truncate(path, 3)
    await appendFile(path, 'xyz')
    await using fresh = await open(folder.path)
    expect([fresh.last, fresh.waiting]).toEqual([0, 0])
    expect((await readFile(`${path}.damaged`)).length).toBe(6)
  })

  test('drains a long queue with few rewritings of its file', async () => {
    await using folder = await createTemporaryFolder()
    let writtenBytes = 0
    const disk: Disk = {
      ...plainDisk,
      async create(path, mode) {
        const file = await plainDisk.create(path, mode)
        return {
          ...file,
          write(bytes, position) {
            writtenBytes += bytes.length
            return file.write(bytes, position)
          },
        }
      },
    }
    await using outbox = await open(folder.path, { maximumEvents: 2_000, disk })
    for (let n = 1; n <= 1_536; n++) await outbox.append(motion(n))
    const [fileBytes, beforeBytes] = [(await readFile(`${folder.path}/outbox.log`)).length, writtenBytes]
    for (let n = 64; n <= 1_536; n += 64) {
      outbox.acknowledge(outbox.stream, n)
      await outbox.append(motion(n))
    }
    expect(writtenBytes - beforeBytes).toBeLessThan(2 * fileBytes)
  })

  test('drops up to what the relay acknowledged, and only that', async () => {
    await using folder = await createTemporaryFolder()
    await using outbox = await open(folder.path)
    for (let n = 1; n <= 5; n++) await outbox.append(motion(n))
    outbox.acknowledge(clipId(3), 4)
    expect(outbox.firstUnacknowledged).toBe(1)
    outbox.acknowledge(outbox.stream, 6)
    expect(outbox.firstUnacknowledged).toBe(1)
    outbox.acknowledge(outbox.stream, 4)
    expect(outbox.firstUnacknowledged).toBe(5)
    outbox.acknowledge(outbox.stream, 2)
    expect([outbox.firstUnacknowledged, outbox.waiting]).toEqual([5, 1])
  })

  test('keeps no more than so many for a day record that cannot be signed, as while the clock stays behind', async () => {
    await using folder = await createTemporaryFolder()
    const outbox = await open(folder.path, { keepAfter: 0, maximumEvents: 300 })
    for (let n = 1; n <= 2_000; n++) {
      await outbox.append(motion(n))
      outbox.acknowledge(outbox.stream, n)
    }
    const sequences = outbox.after(0).map(({ sequence }) => sequence)
    // Twice, for those that are gone leave in one go.
    expect(sequences.length).toBeLessThanOrEqual(2 * 300)
    expect(sequences.slice(-300)).toEqual(Array.from({ length: 300 }, (_, i) => 1_701 + i))
    await outbox[Symbol.asyncDispose]()
    await using again = await open(folder.path, { keepAfter: 0, maximumEvents: 300 })
    expect([again.last, again.waiting, again.after(0).length]).toEqual([2_000, 0, 300])
  })

  test('shrinks when events are acknowledged and in a day record, and not before', async () => {
    await using folder = await createTemporaryFolder()
    await using outbox = await open(folder.path, { keepAfter: 0 })
    for (let n = 1; n <= 300; n++) await outbox.append(motion(n))
    outbox.acknowledge(outbox.stream, 300)
    await outbox.append(motion(301))
    expect(outbox.after(0)).toHaveLength(301)
    outbox.keepAfter(290)
    await outbox.append(motion(302))
    expect(outbox.after(0).map((event) => event.sequence)).toEqual([
      291, 292, 293, 294, 295, 296, 297, 298, 299, 300, 301, 302,
    ])
    expect(outbox.at(301)?.atMs).toBe(301)
    expect(outbox.at(290)).toBeNull()
    expect((await readFile(`${folder.path}/outbox.log`)).length).toBeLessThan(8_000)
  })

  test('remembers across a restart which clips it told of, even when their events are gone', async () => {
    await using folder = await createTemporaryFolder()
    const before = await open(folder.path)
    for (let n = 1; n <= 3; n++) await before.append(motion(n), n)
    before.acknowledge(before.stream, 3)
    await before[Symbol.asyncDispose]()
    await using after = await open(folder.path)
    expect([after.mark, after.last, after.waiting, after.after(0).length]).toEqual([3, 3, 0, 0])
    expect((await after.append(motion(4))).sequence).toBe(4)
  })

  test('lets the oldest go unsent beyond its bound, and says how many', async () => {
    await using folder = await createTemporaryFolder()
    const lost: number[] = []
    await using outbox = await open(folder.path, { maximumEvents: 10, onOverflow: (count) => lost.push(count) })
    for (let n = 1; n <= 13; n++) await outbox.append(motion(n))
    expect(lost).toEqual([1, 1, 1])
    expect([outbox.firstUnacknowledged, outbox.waiting]).toEqual([4, 10])
  })
})
