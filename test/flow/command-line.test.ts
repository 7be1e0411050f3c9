import { createHash } from 'node:crypto'
import { chmod, cp, mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { zipSync, unzipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { ended, latchkey, run, startLatchkey } from '../support/command-line.ts'
import { eventually } from '../support/poll.ts'
import { createTemporaryFolder, type TemporaryFolder } from '../support/temporary-folder.ts'

const HOUR_MS = 3_600_000
const AREA = '52.520,13.400 52.523,13.400 52.523,13.405 52.520,13.405'
const iso = (ms: number) => new Date(ms).toISOString()
const nowMs = Date.now()
const START = iso(nowMs - 2 * HOUR_MS)
const WINDOW = `${iso(nowMs - 2.5 * HOUR_MS)}/${iso(nowMs - HOUR_MS)}`

let own: TemporaryFolder
let folder: string
let journey: { step: string; status: number | null; stderr: string; stdout: string }[]

/** Runs words that must succeed, noting each. */
async function step(...words: string[]): Promise<void> {
  const { status, stdout, stderr } = await latchkey(words, folder)
  journey.push({ step: words.slice(0, 2).join(' '), status, stdout, stderr })
}

function requestWords(changes: Readonly<Record<string, string>> = {}): string[] {
  const options = {
    key: 'requester',
    window: WINDOW,
    area: AREA,
    case: 'K-2026/118',
    incident: 'burglary',
    reason: 'Break-in, two people on foot',
    contact: '+49 30 1234',
    relay: 'http://127.0.0.1:8080',
    out: 'request.jws',
    ...changes,
  }
  return ['request', ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)]
}

const CASE_FILES = ['--request=request.jws', '--certificate=requester/certificate.jws']
const DECISION = [
  '--owner=owner',
  '--trust=trust.json',
  '--purpose=case-investigation',
  '--agency-name=Musterstadt Police',
]

const consentWords = (out: string, ...more: string[]) => [
  'consent',
  '--clip=clip',
  ...CASE_FILES,
  ...DECISION,
  `--out=${out}`,
  ...more,
]
const bundleWords = (out: string, ...more: string[]) => [
  ...['bundle', '--clip=clip', '--owner=owner', '--consent=consent.json', ...CASE_FILES, `--out=${out}`],
  ...more,
]

beforeAll(async () => {
  own = await createTemporaryFolder()
  folder = own.path
  journey = []
  const drawn = 'testsrc2=size=160x120:rate=10:duration=8,noise=alls=20:all_seed=7'
  const coding = ['-c:v', 'libx264', '-preset', 'veryfast', '-g', '10', '-bf', '2', '-pix_fmt', 'yuv420p']
  await run(
    ['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', drawn, ...coding, '-metadata', 'title=canary', 'video.mp4'],
    folder,
  )
  await Promise.all([
    step('keygen', 'owner', '--out', 'owner'),
    step('keygen', 'requester', '--out', 'requester'),
    step('keygen', 'agency', '--uri', 'https://police.example', '--out', 'agency'),
  ])
  const certify = ['requester/enrolment.json', '--agency=agency', '--name=Ada Park', '--role=Detective']
  await Promise.all([
    step('certify', ...certify, '--out=requester/certificate.jws'),
    step('trust', '--agency=https://police.example=agency/agency-public.jwk', '--out=trust.json'),
    step(
      ...['seal', 'video.mp4', '--keyset=owner/keyset.jws', '--device=device', '--owner=owner'],
      `--start=${START}`,
      '--out=clip',
    ),
  ])
  await step(...requestWords())
  await step(...consentWords('consent.json', '--yes'))
  await step(...bundleWords('bundle.zip', '--agency-name=Musterstadt Police'))
  await step('verify', 'bundle.zip', '--trust=trust.json', '--key=requester/requester.key')
  await step('open', 'bundle.zip', '--trust=trust.json', '--key=requester/requester.key', '--out=opened')
})

afterAll(() => own[Symbol.asyncDispose]())

/** Digests of the coded frames, in order. */
async function frameHashes(path: string): Promise<string[]> {
  const { stdout } = await run(
    ['ffmpeg', '-v', 'error', '-i', path, '-map', '0:v', '-c', 'copy', '-f', 'framemd5', '-'],
    folder,
  )
  return stdout
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(',').at(-1)!.trim())
}

const clipFiles = async () => (await readdir(join(folder, 'clip'))).filter((name) => name.endsWith('.age'))

describe('from a video file to opened evidence', () => {
  it('every step ends with status 0', () => {
    expect(journey.filter(({ status }) => status !== 0)).toEqual([])
    expect(journey).toHaveLength(11)
  })

  it('the opened original holds the coded frames of the source, bit for bit', async () => {
    const source = await frameHashes('video.mp4')
    expect(source).toHaveLength(80)
    expect(await frameHashes('opened/original.mp4')).toEqual(source)
    expect(await frameHashes('opened/working-copy.mp4')).toEqual(source)
  })

  it('the original decodes without an error and carries no metadata of the file', async () => {
    const decoded = await run(['ffmpeg', '-v', 'error', '-i', 'opened/original.mp4', '-f', 'null', '-'], folder)
    expect(decoded).toEqual({ status: 0, stdout: '', stderr: '' })
    expect((await readFile(join(folder, 'opened/original.mp4'))).includes('canary')).toBe(false)
  })

  it('SHA256SUMS covers every opened file', async () => {
    const check = await run(['sha256sum', '--check', '--strict', 'SHA256SUMS'], join(folder, 'opened'))
    expect(check.status).toBe(0)
    const listed = check.stdout
      .trim()
      .split('\n')
      .map((line) => line.split(':')[0])
    const files = await readdir(join(folder, 'opened'))
    expect(listed.toSorted()).toEqual(files.filter((name) => name !== 'SHA256SUMS').toSorted())
  })

  it('the stock age program opens each released item with the requester key and refuses the recovery key', async () => {
    await run(['unzip', '-q', 'bundle.zip', '-d', 'unzipped'], folder)
    const media = (await readdir(join(folder, 'unzipped/data/media'), { recursive: true })).filter((name) =>
      name.endsWith('.age'),
    )
    expect(media.length).toBeGreaterThanOrEqual(5)
    for (const name of media) {
      const path = join('unzipped/data/media', name)
      const released = await run(['age', '-d', '-i', 'requester/requester.key', path], folder)
      expect(released).toMatchObject({ status: 0, stderr: '' })
      expect((await run(['age', '-d', '-i', 'owner/recovery.key', path], folder)).status).toBe(1)
    }
  })

  it('the stock age program opens each sealed item with the recovery key and refuses the requester key', async () => {
    for (const name of await clipFiles()) {
      const path = join('clip', name)
      expect((await run(['age', '-d', '-i', 'owner/recovery.key', path], folder)).status).toBe(0)
      expect((await run(['age', '-d', '-i', 'requester/requester.key', path], folder)).status).toBe(1)
    }
  })

  it('poster and meta stay with the owner unless they are named', async () => {
    expect((await clipFiles()).some((name) => name.includes('poster'))).toBe(true)
    const { stdout } = await run(['unzip', '-l', 'bundle.zip'], folder)
    expect(stdout).not.toMatch(/poster|meta\.json/)
  })

  it('secrets are for their owner alone', async () => {
    for (const path of [
      'owner/root.jwk',
      'owner/member.key',
      'owner/recovery.key',
      'requester/requester.key',
      'agency/agency.jwk',
    ])
      expect((await stat(join(folder, path))).mode & 0o777).toBe(0o600)
    expect((await stat(join(folder, 'owner'))).mode & 0o777).toBe(0o700)
  })

  it('the recovery sheet holds the recovery key and the root key', async () => {
    const sheet = await readFile(join(folder, 'owner/recovery-sheet.txt'), 'utf8')
    expect(sheet).toContain((await readFile(join(folder, 'owner/recovery.key'), 'utf8')).trim().split('\n').at(-1))
    expect(sheet).toContain((JSON.parse(await readFile(join(folder, 'owner/root.jwk'), 'utf8')) as { d: string }).d)
  })

  it('the whole notice is shown before consent is given', () => {
    const consent = journey.find(({ step }) => step.startsWith('consent'))!
    expect(consent.stdout).toContain('This is a question, not an order.')
    expect(consent.stdout).toContain('Who asks: Musterstadt Police (https://police.example)')
    expect(consent.stdout).toContain('no sound')
  })
})

describe('what verify says', () => {
  it('a re-zipped untouched bundle passes', async () => {
    const files = unzipSync(await readFile(join(folder, 'bundle.zip')))
    await writeFile(join(folder, 'rezipped.zip'), zipSync(files))
    expect((await latchkey(['verify', 'rezipped.zip', '--trust=trust.json'], folder)).status).toBe(0)
  })

  it.each([
    ['a sealed item', (path: string) => path.endsWith('00002-media.m4s.age')],
    ['the consent', (path: string) => path.endsWith('consent.jws')],
    ['the readme', (path: string) => path === 'README.txt'],
  ])('one changed byte in %s fails and names the file', async (what, isIt) => {
    const files = unzipSync(await readFile(join(folder, 'bundle.zip')))
    const path = Object.keys(files).find(isIt)!
    files[path]![Math.floor(files[path]!.length / 2)]! ^= 1
    const name = `tampered ${what}.zip`
    await writeFile(join(folder, name), zipSync(files))
    const verdict = await latchkey(['verify', name, '--trust=trust.json'], folder)
    expect(verdict.status).toBe(1)
    const lines = verdict.stderr.trim().split('\n')
    expect(lines.every((line) => /^[A-Z][A-Z0-9_]+ \S+ .+$/.test(line))).toBe(true)
    expect(lines.some((line) => line.split(' ')[1] === path)).toBe(true)
    expect(verdict.stdout).toContain('FAIL')
  })

  it('what is not a bundle is one failure about the file that was given', async () => {
    const { status, stderr } = await latchkey(['verify', 'video.mp4', '--trust=trust.json'], folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^BUNDLE_INVALID video\.mp4 not a zip archive/)
  })

  it('--json gives the verdict without keys or plaintext', async () => {
    const words = ['verify', 'bundle.zip', '--trust=trust.json', '--key=requester/requester.key', '--json']
    const { status, stdout } = await latchkey(words, folder)
    expect(status).toBe(0)
    const verdict = JSON.parse(stdout) as { passed: boolean; checks: unknown[]; opened: number; notProven: string[] }
    expect(verdict).toMatchObject({ v: 1, passed: true, opened: expect.any(Number) as number })
    expect(verdict.checks).toHaveLength(15)
    expect(verdict.notProven.length).toBeGreaterThan(3)
    expect(stdout).not.toMatch(/fileKey|plaintext":/)
  })

  it('compare finds nothing against a bundle that was only packed anew, and names the one that does not verify', async () => {
    const beside = (name: string) => latchkey(['compare', 'bundle.zip', name, '--trust=trust.json'], folder)
    const same = await beside('rezipped.zip')
    expect([same.status, same.stderr]).toEqual([0, ''])
    expect(same.stdout).toMatch(/^clip: the same$/m)
    // This household works without a relay, and so without a log.
    expect(same.stdout).toMatch(/^log: untold: /m)
    const other = await beside('video.mp4')
    expect(other.status).toBe(1)
    expect(other.stdout).toMatch(/^bundle 2: FAIL$/m)
    expect(other.stderr).toContain('video.mp4')
  })

  it('an agency that the trust file does not list fails', async () => {
    await latchkey(['trust', '--out=nobody.json'], folder)
    const { status, stderr } = await latchkey(['verify', 'bundle.zip', '--trust=nobody.json'], folder)
    expect(status).toBe(1)
    expect(stderr).toContain('AGENCY_UNKNOWN data/proof/investigator.jws')
  })
})

describe('what open leaves', () => {
  it('a tampered bundle is not opened and leaves nothing', async () => {
    const files = unzipSync(await readFile(join(folder, 'bundle.zip')))
    const path = Object.keys(files).find((name) => name.endsWith('00003-media.m4s.age'))!
    files[path]!.set([files[path]!.at(-1)! ^ 1], files[path]!.length - 1)
    await mkdir(join(folder, 'refused'))
    await writeFile(join(folder, 'refused/bundle.zip'), zipSync(files))
    const words = ['open', 'bundle.zip', '--key=../requester/requester.key', '--trust=../trust.json', '--out=opened']
    const { status, stderr } = await latchkey(words, join(folder, 'refused'))
    expect(status).toBe(1)
    expect(stderr).toContain(path)
    expect(await readdir(join(folder, 'refused'))).toEqual(['bundle.zip'])
  })

  it('another key is refused with AGE_NO_MATCH', async () => {
    const words = ['open', 'bundle.zip', '--key=owner/recovery.key', '--trust=trust.json', '--out=not-opened']
    const { status, stderr } = await latchkey(words, folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^AGE_NO_MATCH /m)
  })

  it('without ffmpeg the original is there and the working copy is missing, and that is said', async () => {
    const words = ['open', 'bundle.zip', '--key=requester/requester.key', '--trust=trust.json', '--out=opened-plain']
    const { status, stderr } = await latchkey(words, folder, { PATH: '/nonexistent' })
    expect(status).toBe(0)
    expect(stderr).toContain('working copy')
    const files = await readdir(join(folder, 'opened-plain'))
    expect(files).toContain('original.mp4')
    expect(files).not.toContain('working-copy.mp4')
  })

  it('without a trust file it opens and warns that nobody vouched', async () => {
    const words = ['open', 'bundle.zip', '--key=requester/requester.key', '--out=opened-untrusted']
    const { status, stderr } = await latchkey(words, folder)
    expect(status).toBe(0)
    expect(stderr).toContain('--trust')
  })
})

describe.concurrent('requests', () => {
  it.each([
    ['a placeholder case number', { case: 'TBD' }, 'CASE_NUMBER_INVALID'],
    ['a refused incident type', { incident: 'protest' }, 'PURPOSE_REFUSED'],
    ['an empty contact', { contact: '' }, 'FIELD_MISSING'],
    ['an area the size of a house', { area: '52.5200,13.4000 52.5201,13.4000 52.5201,13.4001' }, 'AREA_TOO_SMALL'],
    ['an area the size of a district', { area: '52.50,13.40 52.55,13.40 52.55,13.45 52.50,13.45' }, 'AREA_TOO_LARGE'],
    ['a polygon that crosses itself', { area: '52.52,13.40 52.523,13.405 52.523,13.40 52.52,13.405' }, 'AREA_INVALID'],
    [
      'a window of five minutes',
      { window: `${iso(nowMs - HOUR_MS)}/${iso(nowMs - HOUR_MS + 300_000)}` },
      'WINDOW_TOO_SHORT',
    ],
    ['a window into the future', { window: `${iso(nowMs - HOUR_MS)}/${iso(nowMs + HOUR_MS)}` }, 'WINDOW_IN_FUTURE'],
  ] as const)('%s is refused and nothing is written', async (what, changes, code) => {
    const out = `refused ${what}.jws`
    const { status, stderr } = await latchkey(requestWords({ ...changes, out }), folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(new RegExp(`^${code} `, 'm'))
    expect(await readdir(folder)).not.toContain(out)
  })

  it('check-request passes what request signed, and prints every finding of an unsigned draft', async () => {
    expect(await latchkey(['check-request', 'request.jws'], folder)).toEqual({
      status: 0,
      stdout: 'PASS\n',
      stderr: '',
    })
    const [, payload] = (await readFile(join(folder, 'request.jws'), 'utf8')).split('.')
    const draft = JSON.parse(Buffer.from(payload!, 'base64url').toString()) as { latchkey: Record<string, unknown> }
    Object.assign(draft.latchkey, { caseNumber: 'n/a', contact: ' ', incidentType: 'immigration' })
    await writeFile(join(folder, 'draft.json'), JSON.stringify(draft))
    const { status, stderr } = await latchkey(['check-request', 'draft.json'], folder)
    expect(status).toBe(1)
    expect(
      stderr
        .trim()
        .split('\n')
        .map((line) => line.split(' ')[0]),
    ).toEqual(['FIELD_MISSING', 'CASE_NUMBER_INVALID', 'PURPOSE_REFUSED'])
  })

  it('a request whose signature does not match is found', async () => {
    const raw = await readFile(join(folder, 'request.jws'), 'utf8')
    await writeFile(join(folder, 'forged.jws'), raw.slice(0, -6) + (raw.at(-6) === 'A' ? 'B' : 'A') + raw.slice(-5))
    const { status, stderr } = await latchkey(['check-request', 'forged.jws'], folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^SIGNATURE_INVALID forged\.jws /)
  })
})

describe('consents', () => {
  it('nothing is signed where nobody can be asked and nobody said yes', async () => {
    const { status, stdout } = await latchkey(consentWords('unasked.json'), folder)
    expect(status).toBe(2)
    expect(stdout).toContain('This is a question, not an order.')
    expect(await readdir(folder)).not.toContain('unasked.json')
  })

  it('a purpose outside the closed list is refused', async () => {
    const words = consentWords('purpose.json', '--yes').map((word) => word.replace('case-investigation', 'curiosity'))
    const { status, stderr } = await latchkey(words, folder)
    expect([status, stderr.split(' ')[0]]).toEqual([1, 'CONSENT_PURPOSE'])
  })

  it('a request by an agency that the owner does not trust is refused', async () => {
    await latchkey(['trust', '--out=empty-trust.json'], folder)
    const words = consentWords('untrusted.json', '--yes').map((word) => word.replace('trust.json', 'empty-trust.json'))
    const { status, stderr } = await latchkey(words, folder)
    expect([status, stderr.split(' ')[0]]).toEqual([1, 'AGENCY_UNKNOWN'])
  })

  it('a clip of another household is refused', async () => {
    await latchkey(['keygen', 'owner', '--out', 'stranger'], folder)
    const words = consentWords('stranger.json', '--yes').map((word) =>
      word.replace('--owner=owner', '--owner=stranger'),
    )
    expect((await latchkey(words, folder)).status).toBe(1)
  })

  it('items swapped between two indexes are refused before anything is signed', async () => {
    await cp(join(folder, 'clip'), join(folder, 'swapped'), { recursive: true })
    const item = await readFile(join(folder, 'clip/00001-media.m4s.age'))
    await writeFile(join(folder, 'swapped/00002-media.m4s.age'), item)
    const words = consentWords('swapped.json', '--yes').map((word) => word.replace('--clip=clip', '--clip=swapped'))
    const { status, stderr } = await latchkey(words, folder)
    expect([status, stderr.split(' ')[0]]).toEqual([1, 'COMMITMENT_MISMATCH'])
  })

  it('a bundle under another agency name than the notice showed is refused', async () => {
    const { status, stderr } = await latchkey(bundleWords('other-name.zip', '--agency-name=Somebody'), folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^CONSENT_NOTICE consent\.json /)
  })

  it('a consent can be taken back, by its own household only', async () => {
    const taken = await latchkey(['revoke', '--consent=consent.json', '--owner=owner', '--out=revocation.json'], folder)
    expect(taken.status).toBe(0)
    expect(JSON.parse(await readFile(join(folder, 'revocation.json'), 'utf8'))).toHaveProperty('salt')
    await latchkey(['keygen', 'owner', '--out', 'other'], folder)
    const other = await latchkey(['revoke', '--consent=consent.json', '--owner=other', '--out=r.json'], folder)
    expect([other.status, other.stderr.split(' ')[0]]).toEqual([1, 'REVOCATION_INVALID'])
  })
})

describe('sealing', () => {
  it('clips of one device are numbered and name the one before', async () => {
    const words = ['seal', 'video.mp4', '--keyset=owner/keyset.jws', '--device=device', '--out=second']
    expect((await latchkey(words, folder)).status).toBe(0)
    const [first, second] = await Promise.all(
      ['clip', 'second'].map(async (name) => {
        const raw = await readFile(join(folder, name, 'manifest.jws'), 'utf8')
        return {
          raw,
          claims: (
            JSON.parse(Buffer.from(raw.split('.')[1]!, 'base64url').toString()) as { latchkey: Record<string, unknown> }
          ).latchkey,
        }
      }),
    )
    expect([first!.claims['sequence'], second!.claims['sequence']]).toEqual([1, 2])
    expect(second!.claims['previous']).toBe(createHash('sha256').update(first!.raw).digest('base64url'))
  })

  it('a recording over a minute becomes several clips of one event', async () => {
    const coding = ['-c:v', 'libx264', '-preset', 'ultrafast', '-g', '20', '-pix_fmt', 'yuv420p']
    await run(
      ['ffmpeg', '-v', 'error', '-f', 'lavfi', '-i', 'testsrc2=size=64x64:rate=10:duration=65', ...coding, 'long.mp4'],
      folder,
    )
    const words = ['seal', 'long.mp4', '--keyset=owner/keyset.jws', '--device=device-2', '--owner=owner', '--out=long']
    expect((await latchkey(words, folder)).stdout.trim().split('\n')).toHaveLength(2)
    const claims = await Promise.all(
      ['long', 'long-2'].map(async (name) => {
        const [, payload] = (await readFile(join(folder, name, 'manifest.jws'), 'utf8')).split('.')
        return (
          JSON.parse(Buffer.from(payload!, 'base64url').toString()) as {
            latchkey: Record<'event' | 'startMs' | 'endMs', number>
          }
        ).latchkey
      }),
    )
    expect(claims[0]!.event).toBe(claims[1]!.event)
    expect(claims[0]!.endMs - claims[0]!.startMs).toBe(60_000)
    expect(claims[1]!.startMs).toBe(claims[0]!.endMs)
  })

  it('what is not a video is refused and leaves nothing', async () => {
    await writeFile(join(folder, 'not-a-video.mp4'), 'not a video')
    const words = ['seal', 'not-a-video.mp4', '--keyset=owner/keyset.jws', '--device=device', '--out=no-clip']
    const { status, stderr } = await latchkey(words, folder)
    expect(status).toBe(1)
    expect(stderr).toMatch(/^SOURCE_UNSUPPORTED not-a-video\.mp4 /)
    expect((await readdir(folder)).filter((name) => name.includes('no-clip'))).toEqual([])
  })

  it('an interrupt in the middle leaves no half-written clip', async () => {
    const first = join(folder, 'slow-ffmpeg')
    await run(
      [
        'ffmpeg',
        '-v',
        'error',
        '-i',
        'video.mp4',
        '-c',
        'copy',
        '-f',
        'mp4',
        '-movflags',
        'frag_keyframe+empty_moov+default_base_moof',
        'pieces.mp4',
      ],
      folder,
    )
    await writeFile(
      first,
      `#!/bin/sh\ncase "$*" in *mjpeg*) exit 1;; esac\nhead -c 60000 ${join(folder, 'pieces.mp4')}\nexec sleep 60\n`,
    )
    await chmod(first, 0o755)
    const child = startLatchkey(
      ['seal', 'video.mp4', '--keyset=owner/keyset.jws', '--device=device', '--out=stopped'],
      folder,
      { LATCHKEY_FFMPEG: first },
    )
    const end = ended(child)
    const partial = () => readdir(folder).then((names) => names.find((name) => name.startsWith('.stopped.')))
    const name = await eventually(partial, 'the clip to begin')
    await eventually(async () => (await readdir(join(folder, name))).length > 0, 'the first item')
    child.kill('SIGINT')
    expect((await end).status).toBe(130)
    expect((await readdir(folder)).filter((entry) => entry.includes('stopped'))).toEqual([])
  })
})

describe.concurrent('usage', () => {
  const commands = [
    'keygen owner',
    'keygen device',
    'keygen requester',
    'keygen agency',
    'keygen operator',
    'agency',
    'register',
    'certify',
    'seal',
    'request',
    'check-request',
    'consent',
    'revoke',
    'bundle',
    'verify',
    'compare',
    'open',
    'trust',
  ]

  it.each(commands)('%s --help says how it is used', async (command) => {
    const { status, stdout, stderr } = await latchkey([...command.split(' '), '--help'], folder)
    expect([status, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(new RegExp(`^Usage: latchkey ${command}\\b`))
  })

  it('--help lists every command and --version names the program', async () => {
    const [help, version] = [await latchkey(['--help'], folder), await latchkey(['--version'], folder)]
    expect(commands.filter((command) => !help.stdout.includes(`  ${command} `))).toEqual([])
    expect(version).toEqual({
      status: 0,
      stdout: expect.stringMatching(/^latchkey \d+\.\d+\.\d+\n$/) as string,
      stderr: '',
    })
  })

  it.each([
    ['no command', []],
    ['an unknown command', ['unlock']],
    ['half a command', ['keygen']],
    ['a missing operand', ['verify', '--trust=trust.json']],
    ['a missing option', ['keygen', 'owner']],
    ['an unknown option', ['keygen', 'owner', '--out=x', '--force']],
    ['an option given twice', ['keygen', 'owner', '--out=x', '--out=y']],
    ['one operand too many', ['verify', 'bundle.zip', 'bundle.zip', '--trust=trust.json']],
    ['a file that is not there', ['verify', 'nothing.zip', '--trust=trust.json']],
    ['a folder that exists already', ['keygen', 'owner', '--out=owner']],
    ['a time without its offset', requestWords({ window: '2026-11-22T16:00:00/2026-11-22T17:00:00', out: 'x.jws' })],
    ['an area of two points', requestWords({ area: '1,2 3,4', out: 'x.jws' })],
    ['an origin with a path', requestWords({ relay: 'https://relay.example/v1', out: 'x.jws' })],
  ])('%s ends with status 2 and a line that says what to do', async (_what, words) => {
    const { status, stdout, stderr } = await latchkey(words, folder)
    expect([status, stdout]).toEqual([2, ''])
    expect(stderr).toMatch(/^USAGE \S+ .+/)
    expect(stderr).not.toMatch(/^\s+at /m)
  })

  it('a relay that does not answer is one line with its code', async () => {
    const words = ['trust', '--from=http://127.0.0.1:9', '--out=fetched.json']
    const { status, stderr } = await latchkey(words, folder)
    expect([status, stderr]).toEqual([1, 'UNAVAILABLE - no answer from http://127.0.0.1:9\n'])
  })
})
