/** `latchkey-agent config …` as somebody types it. */
import { spawnSync } from 'node:child_process'
import { chmod, writeFile } from 'node:fs/promises'
import { expect, test } from 'vitest'
import { createTemporaryFolder } from '../support/temporary-folder.ts'

const MAIN = new URL('../../device-agent/src/main.ts', import.meta.url).pathname

function agent(...args: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [MAIN, ...args], { encoding: 'utf8' })
  return { status, stdout, stderr }
}

test('the example is fine, shows its defaults, and a wrong file is told key by key without its values', async () => {
  await using folder = await createTemporaryFolder()
  const path = `${folder.path}/agent.yml`
  await writeFile(path, agent('config', 'example').stdout)
  expect(agent('config', 'check', '--config', path)).toEqual({ status: 0, stdout: `${path}: fine\n`, stderr: '' })
  expect(agent('config', 'show', '--config', path).stdout).toMatch(/^ {2}preRollMs: 5000 {2}# default$/m)

  await writeFile(path, 'dataDir: /x\ncamera: { nmae: hunter2, source: rpicam }\nrelay: { origin: hunter2 }\n')
  const wrong = agent('config', 'check', '--config', path)
  expect(wrong.status).toBe(1)
  expect(wrong.stdout).toContain('camera.nmae is not a known key (did you mean camera.name?)')
  expect(wrong.stdout).toContain('camera.name is missing: it must be text of 1 to 100 characters')
  expect(wrong.stdout).toContain('relay.origin must be an origin')
  expect(wrong.stdout).not.toContain('hunter2')
  expect(agent('config', 'check', '--confg', path)).toMatchObject({ status: 2, stdout: '' })
})

test('a file of the camera’s address that others can read, or that holds none, is told', async () => {
  await using folder = await createTemporaryFolder()
  const [path, address] = [`${folder.path}/agent.yml`, `${folder.path}/camera.address`]
  const config = {
    dataDir: '/x',
    camera: { sourceFile: address, name: 'x' },
    relay: { origin: 'https://relay.example' },
  }
  await writeFile(path, JSON.stringify(config))
  expect(agent('config', 'check', '--config', path).stdout).toContain('camera.sourceFile does not hold an address')
  await writeFile(address, 'rtsp://u:hunter2@cam/1\n')
  await chmod(address, 0o644)
  expect(agent('config', 'check', '--config', path)).toMatchObject({ status: 1 })
  await chmod(address, 0o600)
  expect(agent('config', 'check', '--config', path).stdout).toBe(`${path}: fine\n`)
})

test('a password of the home broker that is missing, or everybody’s to read, is told', async () => {
  await using folder = await createTemporaryFolder()
  const [path, passwordFile] = [`${folder.path}/agent.yml`, `${folder.path}/home.password`]
  const config = {
    dataDir: '/x',
    camera: { source: '/dev/video0', name: 'x' },
    relay: { origin: 'https://relay.example' },
    home: { broker: 'mqtts://ha.local:8883', usernameFile: '/x', passwordFile },
  }
  await writeFile(path, JSON.stringify(config))
  const findings = () => agent('config', 'check', '--config', path).stdout
  expect(findings()).toContain('home.passwordFile: there is no such file')
  await writeFile(passwordFile, 'hunter2\n')
  await chmod(passwordFile, 0o644)
  expect(findings()).toContain(`home.passwordFile: everybody can read it; chmod o= ${passwordFile}`)
  await chmod(passwordFile, 0o640)
  expect(findings()).toBe(`${path}: fine\n`)
})
