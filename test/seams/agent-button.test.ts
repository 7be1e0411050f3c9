import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { createChime } from '../../device-agent/src/button/chime.ts'
import { argumentsOfV1, argumentsOfV2 } from '../../device-agent/src/button/gpio-line.ts'
import { loadGpiomon, loadGpioProgram } from '../../device-agent/src/button/gpiomon-program.ts'
import { inputProgram } from '../../device-agent/src/button/input-key.ts'
import type { PressProgram } from '../../device-agent/src/button/press-reader.ts'
import { watchPresses } from '../../device-agent/src/button/press-watch.ts'
import { systemClock as clock } from '../../device-agent/src/kernel/clock.ts'
import { silentLog as log } from '../support/agent-rig.ts'
import { createNamedPipe, inputEvent, writeFakeGpiomon } from '../support/doorbell-rig.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { eventually } from '../support/poll.ts'

/** Watches with what `prepare` finds; presses and states as they come. */
function watch(prepare: () => Promise<PressProgram>) {
  const presses: number[] = []
  const states: string[] = []
  const watched = watchPresses({
    prepare,
    onPress: (agoMs) => presses.push(agoMs),
    onState: (state) => states.push(state),
    clock,
    log,
    random: () => 0.5,
    retryBaseMs: 5,
  })
  return { presses, states, watched }
}

/** A kernel's stamp of this moment, as seconds with nine decimals. */
const stamp = () => (clock.monotonicMs() / 1000).toFixed(9)

describe('a GPIO button', () => {
  test('rings through the gpiomon of Debian 12, found by its name, and does not bounce', async () => {
    await using folder = await createTemporaryFolder()
    const path = await writeFakeGpiomon(folder.path, '1.6.3')
    await using edges = createNamedPipe(`${folder.path}/edges`)
    const { presses, watched } = watch(() => loadGpioProgram({ line: 'GPIO17' }, clock, path))
    const now = stamp().replace(/\.0*(\d+)$/, ' $1')
    await edges.write(`1 ${now}\n0 ${now}\n1 ${now}\n`)
    await eventually(() => presses.length === 1, 'a press')
    expect(presses[0]).toBeLessThan(5_000)
    expect((await readFile(`${folder.path}/arguments`, 'utf8')).split('\n').slice(-3)).toEqual(['gpiochip0', '17', ''])
    await watched[Symbol.asyncDispose]()
    expect(presses).toHaveLength(1)
  })

  test('rings through the gpiomon of Debian 13', async () => {
    await using folder = await createTemporaryFolder()
    const path = await writeFakeGpiomon(folder.path, '2.2.1')
    await using edges = createNamedPipe(`${folder.path}/edges`)
    const { presses, states, watched } = watch(() => loadGpioProgram({ line: 'GPIO17' }, clock, path))
    await edges.write(`rising ${stamp()}\n`)
    await eventually(() => presses.length === 1, 'a press')
    expect(states).toEqual(['watching'])
    await watched[Symbol.asyncDispose]()
  })

  test('that vanishes is told once and looked for until it is back', async () => {
    await using folder = await createTemporaryFolder()
    const path = await writeFakeGpiomon(folder.path, '2.2.1')
    const { presses, states, watched } = watch(() => loadGpioProgram({ line: 'GPIO17' }, clock, path))
    await eventually(() => states.length === 1, 'to be told')
    await rm(`${folder.path}/arguments`)
    await eventually(() => existsSync(`${folder.path}/arguments`), 'another try')
    expect(states).toEqual(['lost'])
    await using edges = createNamedPipe(`${folder.path}/edges`)
    await edges.write(`rising ${stamp()}\n`)
    await eventually(() => presses.length === 1, 'a press')
    expect(states).toEqual(['lost', 'watching'])
    await edges.close()
    await eventually(() => states.length === 3, 'to be told again')
    await edges.write(`rising ${stamp()}\n`)
    await eventually(() => presses.length === 2, 'another press')
    await watched[Symbol.asyncDispose]()
  })

  test('says what is missing on a machine without gpiomon, or with one that nobody knows', async () => {
    await using folder = await createTemporaryFolder()
    const missing = loadGpiomon(clock, `${folder.path}/gpiomon`)
    await expect(missing).rejects.toMatchObject({
      code: 'DEPENDENCY_MISSING',
      message: expect.stringMatching('apt-get install gpiod') as string,
    })
    await writeFile(`${folder.path}/gpiomon`, '#!/bin/sh\necho gpiomon v7\n', { mode: 0o755 })
    const unknown = loadGpiomon(clock, `${folder.path}/gpiomon`)
    await expect(unknown).rejects.toMatchObject({
      code: 'DEPENDENCY_MISSING',
      message: expect.stringMatching('neither') as string,
    })
    await writeFakeGpiomon(folder.path, '1.6.3')
    const nameless = loadGpioProgram({ line: 'GPIO99' }, clock, `${folder.path}/gpiomon`)
    await expect(nameless).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringMatching('gpioinfo') as string,
    })
  })

  // The tool itself, as this Debian packages it; there is no GPIO chip here, which is as far as it gets.
  test('speaks to the real gpiomon in words that it understands', async () => {
    const gpiomon = await loadGpiomon(clock)
    const place = { chip: 'gpiochip4095', offset: 17 }
    const biases = ['as-is', 'pull-up', 'pull-down', 'disabled'] as const
    const lines = biases.flatMap((bias) => [
      { ...place, bias },
      { ...place, bias, activeLow: false, debounceMs: 0 },
    ])
    for (const line of lines) {
      const args = gpiomon.major === 1 ? argumentsOfV1(line, place) : argumentsOfV2(line)
      const { status, stderr } = spawnSync(gpiomon.path, args, { encoding: 'utf8' })
      expect(status).toBe(1)
      expect(stderr).toMatch(/No such file or directory|cannot find GPIO chip/)
      expect(stderr).not.toMatch(/invalid|unrecognized|--help/)
    }
    const wrong = spawnSync(gpiomon.path, ['--no-such-option'], { encoding: 'utf8' })
    expect(wrong.stderr).toMatch(/unrecognized/)
  })
})

describe('an input device', () => {
  test('rings, survives that it vanishes, and is read again when it is back', async () => {
    await using folder = await createTemporaryFolder()
    const device = `${folder.path}/event0`
    const { presses, states, watched } = watch(() => Promise.resolve(inputProgram({ device }, clock)))
    await eventually(() => states.at(-1) === 'lost', 'to be told that there is none')
    await using pipe = createNamedPipe(device)
    await pipe.write(inputEvent({ stampMs: clock.nowMs() - 20, value: 1 }))
    await eventually(() => presses.length === 1, 'a press')
    expect(presses[0]).toBeGreaterThanOrEqual(19)
    // Torn in the middle of an event, as by pulling the plug; what follows begins anew.
    await pipe.write(inputEvent({ stampMs: clock.nowMs(), value: 1 }).subarray(0, 11))
    await pipe.close()
    await eventually(() => states.length === 3, 'to be told that it is gone')
    await pipe.write(inputEvent({ stampMs: clock.nowMs(), value: 1 }))
    await eventually(() => presses.length === 2, 'another press')
    expect(states).toEqual(['lost', 'watching', 'lost', 'watching'])
    await watched[Symbol.asyncDispose]()
  })
})

describe('the chime', () => {
  test('sounds with the arguments as they stand, seen by no shell', async () => {
    await using folder = await createTemporaryFolder()
    const file = `${folder.path}/it rang; $(touch x)`
    createChime({ command: ['/usr/bin/touch', file], clock, log }).play()
    await eventually(() => existsSync(file), 'the chime')
  })

  test('is not doubled while it sounds, and ended when it takes too long', async () => {
    await using folder = await createTemporaryFolder()
    const counting = ['/bin/sh', '-c', `echo rung >> ${folder.path}/rings; exec sleep 1000`]
    const chime = createChime({ command: counting, timeoutMs: 100, clock, log })
    const rings = async () => (await readFile(`${folder.path}/rings`, 'utf8').catch(() => '')).split('\n').length - 1
    chime.play()
    chime.play()
    await eventually(async () => (await rings()) === 1, 'the first')
    await eventually(async () => {
      chime.play()
      return (await rings()) === 2
    }, 'another after the first was ended')
  })

  test('that is missing or fails is told and harms nobody', async () => {
    const told: unknown[] = []
    const telling = { error: (what: unknown) => told.push(what) } as unknown as typeof log
    createChime({ command: ['/no/such/program'], clock, log: telling }).play()
    createChime({ command: ['/bin/false'], clock, log: telling }).play()
    await eventually(() => told.length === 2, 'both to be told')
  })
})
