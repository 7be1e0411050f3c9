import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmod, writeFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { startChromium, WHOLE_CHROMIUM } from '../support/chromium.ts'
import { createDoorbell, MAIN } from '../support/doorbell.ts'
import { createHouseNetwork, onMachine } from '../support/house-network.ts'
import { eventually } from '../support/poll.ts'
import { CAN_MOUNT } from '../support/real-disk.ts'

const run = promisify(execFile)
const PATIENCE_MS = 30_000
/** A program that asks for one address and says the status of the answer. */
const VISITOR = `const [url, options] = process.argv.slice(1)
require('node:http').get(url, JSON.parse(options), (answer) => answer.resume() && console.log(answer.statusCode))`

/** Networks, like disks, are root's to make. */
test.runIf(CAN_MOUNT)(
  'a browser of the house comes to the page by its address and code; nobody else does',
  async () => {
    await using house = createHouseNetwork()
    await using doorbell = await createDoorbell()
    const { folder, configPath } = doorbell
    const [ip, ...atTheDoor] = onMachine(house.doorbell.name)
    const command = [...atTheDoor, process.execPath, MAIN, 'page', '--lan', '--port', '8377', '--config', configPath]
    const page = spawn(ip!, command, { stdio: ['ignore', 'pipe', 'inherit'] })
    let output = ''
    page.stdout.on('data', (chunk: Buffer) => (output += chunk.toString()))
    try {
      const origin = `http://${house.doorbell.address}:8377`
      await eventually(() => output.includes('Ctrl-C ends it.'), 'the page', PATIENCE_MS)
      const other = `http://${house.doorbell.other}:8377`
      expect(output).toContain(origin)
      expect(output).toMatch(/Plain http: whoever listens on your network/)
      const code = /code (\S{4}-\S{4})/.exec(output)![1]!

      expect(output).toContain(`also at:   ${other}/#${code}`)

      // The owner, with a browser on another machine of the house.
      const program = `${folder}/chromium`
      const [tool, ...atTheOwner] = onMachine(house.owner.name)
      await writeFile(program, `#!/bin/sh\nexec ${[tool, ...atTheOwner].join(' ')} ${WHOLE_CHROMIUM} "$@"\n`)
      await chmod(program, 0o755)
      const browser = await startChromium(program)
      try {
        const tab = await browser.newPage()
        const complaints: string[] = []
        tab.on('pageerror', (error) => complaints.push(error.message))
        await tab.goto(`${origin}/#${code}`)
        await tab.getByText('Front door').first().waitFor({ timeout: PATIENCE_MS })
        expect(complaints).toEqual([])
        expect(tab.url()).not.toContain(code)
        const still = await tab.evaluate(async () => {
          const answer = await fetch('/api/still')
          return { status: answer.status, sizeBytes: (await answer.arrayBuffer()).byteLength }
        })
        expect(still.status).toBe(200)
        expect(still.sizeBytes).toBeGreaterThan(1_000)
      } finally {
        await browser.close()
      }

      // Everybody else.
      const ask = async (path: string, visitor: object = {}, at = origin) => {
        const words = [process.execPath, '-e', VISITOR, at + path, JSON.stringify(visitor)]
        const { stdout } = await run(tool!, [...atTheOwner, ...words])
        return stdout.trim()
      }
      expect(await ask('/')).toBe('200')
      expect(await ask('/', {}, other)).toBe('200')
      expect(await ask('/api/still')).toBe('403')
      expect(await ask('/', { localAddress: house.owner.strange })).toBe('403')
      expect(await ask('/', { headers: { host: 'rebound.example:8377' } })).toBe('403')
    } finally {
      page.kill('SIGTERM')
      if (page.exitCode === null) await once(page, 'exit')
    }
  },
  120_000,
)
