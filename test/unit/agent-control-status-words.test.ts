import { describe, expect, test } from 'vitest'
import type { AgentSnapshot } from '../../device-agent/src/control/control-message.ts'
import { agentSnapshot } from '../../device-agent/src/control/control-message.ts'
import { plainText, sizeWords, statusWords } from '../../device-agent/src/control/status-words.ts'
import { testSnapshot } from '../support/agent-snapshot.ts'

const words = (change: Partial<AgentSnapshot>) => statusWords({ ...testSnapshot(), ...change }, 'UTC')
const line = (change: Partial<AgentSnapshot>, label: string) =>
  words(change).lines.find((candidate) => candidate.label === label)

describe('the state in words', () => {
  test('says that all is well only when it is', () => {
    expect(agentSnapshot.explain(testSnapshot())).toBe('')
    expect(words({})).toMatchObject({ headline: 'Recording. All is well.', level: 'good' })
    expect(words({}).lines.map(({ label, text }) => `${label}: ${text}`)).toEqual([
      'Recording: watching since 09:12; 1280×720, 15 pictures/s',
      'Last visitor: rang the bell 19:55, 19 min ago (2 rings, 5 motions since 09:12)',
      'Uploaded: everything',
      'Relay: connected to relay.example',
      'Clock: kept by NTP, within 12 ms',
      'Disk: 41.2 GB free',
    ])
  })

  test('an unpaired agent says that it records nothing, and what to do', () => {
    const unpaired = { pairing: { paired: false, device: null } }
    expect(words(unpaired)).toMatchObject({ headline: 'Not paired yet', level: 'bad' })
    expect(line(unpaired, 'Recording')).toMatchObject({ level: 'bad', advice: expect.stringContaining('--pairing') })
  })

  test.each([
    ['privacy', 'note', 'Privacy mode: the camera is off'],
    ['camera-lost', 'bad', 'Not recording'],
    ['stopped', 'bad', 'Not recording'],
    ['starting', 'note', 'Starting'],
  ] as const)('a camera in state %s is %s', (state, level, headline) => {
    const camera = { ...testSnapshot().camera, state }
    expect(words({ camera })).toMatchObject({ headline, level })
  })

  test('a camera that shows nothing is told with its reason, and what to do about that', () => {
    const lost = (code: string, text: string) => {
      const camera = { ...testSnapshot().camera, state: 'camera-lost', stream: null, trouble: { code, text } } as const
      return line({ camera }, 'Recording')
    }
    expect(lost('UNAVAILABLE', 'the camera cannot be reached')).toMatchObject({
      text: 'no picture from the camera since 09:12: the camera cannot be reached',
      advice: expect.stringContaining('cable') as string,
    })
    expect(lost('SOURCE_UNSUPPORTED', 'the camera sends H.265: set it to H.264')).toMatchObject({
      text: 'no picture from the camera since 09:12: the camera sends H.265: set it to H.264',
      advice: expect.stringContaining('without a restart') as string,
    })
  })

  test('what needs somebody says what to do', () => {
    const { relay } = testSnapshot()
    expect(line({ relay: { ...relay, connected: false } }, 'Relay')).toMatchObject({ level: 'note' })
    expect(line({ disk: { freeBytes: 1e6, minimumFreeBytes: 2e8 } }, 'Disk')).toMatchObject({ level: 'bad' })
    expect(line({ clock: { source: 'none', uncertaintyMs: 5_000, checkedMs: 1 } }, 'Clock')?.advice).toContain(
      'set-ntp',
    )
    expect(line({ spool: { clips: 4, items: 40, bytes: 12e6, droppedClips: 1 } }, 'Uploaded')).toMatchObject({
      level: 'note',
      text: '4 clips (12.0 MB) kept here, to be sent',
    })
    expect(line({ spool: { clips: 4, items: 40, bytes: 12e6, droppedClips: 1 } }, 'Given up')?.text).toMatch(/^1 clip /)
  })
})

test('sizes are told as shops tell them', () => {
  expect([0, 999, 1_000, 41_234_567_890, 123_456_789].map(sizeWords)).toEqual([
    '0 bytes',
    '999 bytes',
    '1.0 kB',
    '41.2 GB',
    '123 MB',
  ])
})

test('text that could steer a terminal becomes visible', () => {
  expect(plainText('Door\u001b[2J\u202e\n<b>')).toBe('Door�[2J��<b>')
})
