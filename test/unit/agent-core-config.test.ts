import { writeFile } from 'node:fs/promises'
import { describe, expect, test } from 'vitest'
import { LatchkeyError } from '@latchkey/shared'
import { loadAgentConfig, loadCameraAddress, parseAgentConfig } from '../../device-agent/src/config.ts'
import { createMemoryFolder } from '../support/memory-folder.ts'

const GOOD = {
  dataDir: '/var/lib/latchkey-agent',
  camera: { source: '/dev/video0', name: 'Front door' },
  relay: { origin: 'https://relay.example' },
}

function messageOf(value: unknown): string {
  try {
    parseAgentConfig(value)
    return ''
  } catch (error) {
    if (error instanceof LatchkeyError && error.code === 'CONFIG_INVALID') return error.message
    throw error
  }
}

describe('the configuration', () => {
  test('takes the smallest one', () => {
    expect(parseAgentConfig(GOOD)).toEqual(GOOD)
  })

  test('names every wrong key at once, and no value', () => {
    const message = messageOf({
      ...GOOD,
      camera: { source: '/dev/video0', name: '', secretWord: 'hunter2' },
      clip: { preRollMs: '15s' },
      colour: 'red',
    })
    expect(message).toMatch(/colour is not a known key/)
    expect(message).toMatch(/camera\.secretWord is not a known key/)
    expect(message).toMatch(/camera\.name /)
    expect(message).toMatch(/clip\.preRollMs /)
    expect(message).not.toMatch(/hunter2|15s|red/)
  })

  test.each([
    ['a camera without a source', { ...GOOD, camera: { name: 'x' } }, /exactly one of source and sourceFile/],
    ['two sources', { ...GOOD, camera: { ...GOOD.camera, sourceFile: '/x' } }, /exactly one of/],
    ['a password in the file', { ...GOOD, camera: { source: 'rtsp://u:hunter2@cam/1', name: 'x' } }, /sourceFile/],
    ['http to another machine', { ...GOOD, relay: { origin: 'http://relay.example' } }, /https outside loopback/],
    ['a path in the origin', { ...GOOD, relay: { origin: 'https://relay.example/x' } }, /relay\.origin/],
    ['a relative data directory', { ...GOOD, dataDir: 'data' }, /dataDir/],
    ['something that is no object', 'GOOD', /the file/],
  ])('refuses %s', (_, value, reason) => {
    expect(messageOf(value)).toMatch(reason)
    expect(messageOf(value)).not.toMatch(/hunter2/)
  })

  test('reads the camera address from a file of its own', async () => {
    await using folder = await createMemoryFolder()
    await writeFile(`${folder.path}/camera`, 'rtsp://u:p@cam/1\n')
    const camera = { sourceFile: `${folder.path}/camera`, name: 'x' }
    await writeFile(`${folder.path}/agent.json`, JSON.stringify({ ...GOOD, camera }))
    const config = await loadAgentConfig(`${folder.path}/agent.json`)
    expect(await loadCameraAddress(config)).toBe('rtsp://u:p@cam/1')
    await writeFile(`${folder.path}/agent.json`, '{"dataDir": hunter2')
    await expect(loadAgentConfig(`${folder.path}/agent.json`)).rejects.toMatchObject({
      code: 'CONFIG_INVALID',
      message: expect.not.stringContaining('hunter2') as string,
    })
  })
})
