import { execFileSync } from 'node:child_process'
import { readFile, stat, writeFile } from 'node:fs/promises'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { loadCodedVideo } from '../../infra/bench/camera/coded-video.ts'
import { drawScene, makeVideo } from '../support/media-files.ts'
import { startChromium } from '../support/chromium.ts'
import { RIG_PLACE, setUpPhone } from '../support/phone-rig.ts'
import { eventually } from '../support/poll.ts'
import { startRtspServer } from '../../infra/bench/camera/rtsp-server.ts'
import { createTemporaryFolder } from '../support/temporary-folder.ts'
import { type Launcher, processesOn, startLauncher } from '../support/walkthrough.ts'

/** Generous: databases are made here while other tests keep both cores busy. */
const START_MS = 90_000
const STORY_MS = 300_000

let shared: Awaited<ReturnType<typeof createTemporaryFolder>>
let scene: string

beforeAll(async () => {
  shared = await createTemporaryFolder()
  scene = await drawScene(shared.path)
})
afterAll(() => shared[Symbol.asyncDispose]())

const RUNNING = /Latchkey is running[^]*relay +(http:\/\/127\.0\.0\.1:\d+)/

/** Waits until it runs; answers with the relay's address. Says what it said when it ends instead. */
function running(launcher: Launcher): Promise<string> {
  const ended = launcher.ended.then((code) => {
    throw new Error(`ended with ${code} instead of running:\n${launcher.output()}`)
  })
  return Promise.race([eventually(() => RUNNING.exec(launcher.output())?.[1], 'the relay to run', START_MS), ended])
}

const nothingLeft = (folder: string) =>
  eventually(async () => (await processesOn(folder)).length === 0, `every process on ${folder} to end`, 30_000)

async function endOf(args: readonly string[]): Promise<{ code: number | string; output: string }> {
  const launcher = startLauncher(args)
  return { code: await launcher.ended, output: launcher.output() }
}

describe.concurrent('npm start', () => {
  test(
    'runs, pairs once, records, and stops in order on Ctrl-C, on SIGTERM, and after being killed',
    async () => {
      await using folder = await createTemporaryFolder()
      const args = ['--data', folder.path, '--camera', scene, '--port', '0']

      const first = startLauncher([...args, '--demo-owner'], 'bootstrap')
      const origin = await running(first)
      expect(first.output()).toMatch(/Paired the demo owner; phone and doorbell both show \d{6}/)
      expect((await fetch(`${origin}/v1/openapi.json`)).status).toBe(200)
      await eventually(() => first.output().includes('clip recorded'), 'a clip', 60_000)
      first.interrupt()
      expect(await first.ended).toBe(0)
      expect(await processesOn(folder.path)).toEqual([])
      // The doorbell went first: nothing it had to say came too late.
      const log = await readFile(join(folder.path, 'demo/logs/agent.log'), 'utf8')
      expect(log.trimEnd().split('\n').at(-1)).toContain('camera state=stopped')
      expect(log).not.toMatch(/\d (warn|error) (?! *not paired)/)
      expect(log).not.toContain('secret=')

      const second = startLauncher(args.slice(0, 4), 'bootstrap')
      expect(await running(second)).toBe(origin)
      expect(second.output()).not.toContain('Paired')
      process.kill(second.child.pid!, 'SIGTERM')
      expect(await second.ended).toBe(0)
      expect(await processesOn(folder.path)).toEqual([])

      const killed = startLauncher(args.slice(0, 4))
      await running(killed)
      expect((await processesOn(folder.path)).length).toBeGreaterThanOrEqual(4)
      killed.child.kill('SIGKILL')
      await killed.ended
      // At once, while what the killed one left behind is still about to end.
      const last = startLauncher(args.slice(0, 4))
      expect(await running(last)).toBe(origin)
      expect(last.output()).not.toContain('Paired')
      last.child.kill('SIGKILL')
      await last.ended
      await nothingLeft(folder.path)

      const elsewhere = await endOf([...args.slice(0, 4), '--port', '1'])
      expect(elsewhere).toMatchObject({ code: 2, output: expect.stringContaining('paired at port') as string })
    },
    STORY_MS,
  )

  test(
    'makes whoever opens its address in a browser the owner, who is then asked',
    async () => {
      await using folder = await createTemporaryFolder()
      const launcher = startLauncher(['--data', folder.path, '--camera', scene, '--port', '0'])
      await running(launcher)
      const url = await eventually(() => /http\S+\/pair#\S+/.exec(launcher.output())?.[0], 'the address', START_MS)
      await using browser = await startChromium()
      const context = await browser.newContext()
      const page = await context.newPage()
      await setUpPhone({ context, page }, url)
      expect(launcher.output()).toMatch(/Paired\. The phone must show the same digits: \d{6}/)
      await page.getByText('Somebody moved').first().waitFor({ timeout: 60_000 })
      const asked = await endOf(['--ask', '--at', RIG_PLACE.replace(' ', ''), '--data', folder.path])
      expect(asked).toMatchObject({ code: 0, output: expect.stringContaining('DEMO-') as string })
      await page.getByRole('link', { name: 'Questions' }).click()
      await page.getByRole('button', { name: 'Show me questions that concern my door' }).click()
      // The page looks once a minute.
      await page.getByText('Asked by Example City Police (demo)').waitFor({ timeout: 90_000 })
      // The one who asked has a desk, and keys for it in a folder that is named.
      const desk = await context.newPage()
      await desk.goto(/desk +(http\S+)/.exec(launcher.output())![1]!)
      await desk.getByRole('button', { name: 'I have key files' }).click()
      const keys = /enrolment\.json\) in\s+(\S+)/.exec(launcher.output())![1]!
      const files = ['requester.jwk', 'requester.key', 'certificate.jws'].map((name) => join(keys, name))
      await desk.getByLabel('Choose the files').setInputFiles(files)
      await desk.getByRole('link', { name: 'You' }).click()
      await desk.getByText('Example City Police (demo). Takes part.').waitFor()
      launcher.interrupt()
      expect(await launcher.ended).toBe(0)
      expect(await processesOn(folder.path)).toEqual([])
      expect(await readFile(join(folder.path, 'demo/logs/agent.log'), 'utf8')).not.toContain('secret=')
    },
    STORY_MS,
  )

  test(
    'watches a network camera whose password no other user can read',
    async () => {
      await using folder = await createTemporaryFolder()
      await using camera = await startRtspServer({ video: loadCodedVideo(scene), credentials: 'door:hunter2' })
      const url = camera.url('door:hunter2')
      const launcher = startLauncher(['--data', folder.path, '--camera', url, '--port', '0', '--demo-owner'])
      await running(launcher)
      await eventually(() => launcher.output().includes('camera state=on'), 'pictures', 30_000)
      const others = (await processesOn('/')).filter(({ pid }) => pid !== launcher.child.pid)
      expect(others.filter(({ command }) => command.includes('hunter2'))).toEqual([])
      expect(launcher.output()).not.toContain('hunter2')
      const told = execFileSync('grep', ['-rl', 'hunter2', join(folder.path, 'demo')], { encoding: 'utf8' })
      expect(told.trim()).toBe(join(folder.path, 'demo/camera-address'))
      expect((await stat(told.trim())).mode & 0o777).toBe(0o600)
      launcher.interrupt()
      expect(await launcher.ended).toBe(0)
      expect(await processesOn(folder.path)).toEqual([])
    },
    STORY_MS,
  )

  test(
    'says which port is taken and what to do about it',
    async () => {
      await using folder = await createTemporaryFolder()
      const server = createServer()
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      const { port } = server.address() as AddressInfo
      const { code, output } = await endOf(['--data', folder.path, '--camera', scene, '--port', String(port)])
      server.close()
      expect(code).toBe(1)
      expect(output).toMatch(new RegExp(`CONFLICT: port ${port} of 127.0.0.1 is taken .*--port`))
      expect(await processesOn(folder.path)).toEqual([])
    },
    STORY_MS,
  )

  test(
    'says what is wrong with its arguments, by exit code 2, and with the world, by 1',
    async () => {
      await using folder = await createTemporaryFolder()
      const file = join(folder.path, 'a-file')
      await writeFile(file, 'not a video')
      const data = ['--data', join(folder.path, 'data')]
      const cases: [string[], number, string][] = [
        [['--help'], 0, '--walkthrough --out DIR'],
        [['--walkthrough'], 2, '--walkthrough needs --out'],
        [['--out', file], 2, '--out belongs to --walkthrough'],
        [['--port', '8e1'], 2, '--port takes a number'],
        [['--at', '1,2'], 2, '--at belongs to --ask'],
        [['--ask', '--at', 'here', '--data', '/dev/shm'], 2, '--at takes LATITUDE,LONGITUDE'],
        [['--ask', '--port', '1'], 2, '--ask takes --at and --data only'],
        [['--walkthrough', '--out', 'x', '--demo-owner'], 2, '--demo-owner belongs to'],
        [['--camera='], 2, '--camera takes a value'],
        [['--nonsense'], 2, '--nonsense'],
        [['--data', join(file, 'below')], 1, 'choose a folder you may write with --data'],
        [['--data', '/proc/latchkey'], 1, 'choose a folder you may write with --data'],
        [[...data, '--camera', join(folder.path, 'missing.mp4')], 2, 'missing.mp4 (ENOENT)'],
        [[...data, '--camera', folder.path], 2, 'is not a file'],
        [[...data, '--camera', 'http://camera/'], 1, 'expected a file, rtsp://'],
        [[...data, '--camera', file], 1, 'no video that ffmpeg can read'],
        [['--walkthrough', '--out', folder.path], 2, 'is not empty'],
        [['--walkthrough', ...data, '--out', join(file, 'below')], 1, 'choose a folder you may write with --out'],
      ]
      const check = async ([args, code, words]: (typeof cases)[number]) => {
        const ended = await endOf(args)
        expect(ended, args.join(' ')).toMatchObject({ code, output: expect.stringContaining(words) as string })
        expect(ended.output, args.join(' ')).not.toMatch(/ {4}at .*\.ts:/)
      }
      await Promise.all(cases.map(check))
    },
    STORY_MS,
  )
})

describe.concurrent('the walkthrough', () => {
  test(
    'leaves nothing running when it is interrupted',
    async () => {
      await using folder = await createTemporaryFolder()
      const at = (name: string) => join(folder.path, name)
      const args = ['--walkthrough', '--out', at('out'), '--data', at('data'), '--camera', scene]
      const launcher = startLauncher(args, 'bootstrap')
      await eventually(() => launcher.output().includes('5. Motion'), 'the doorbell to record', START_MS)
      launcher.interrupt()
      expect(await launcher.ended).toBe(130)
      expect(await processesOn(folder.path)).toEqual([])
    },
    STORY_MS,
  )

  test(
    'says soon that nothing moved, or that a video is too short',
    async () => {
      await using folder = await createTemporaryFolder()
      const still = join(folder.path, 'still.mp4')
      const drawn = ['-f', 'lavfi', '-i', 'color=gray:s=320x240:r=10', '-t', '20', '-c:v', 'libx264']
      execFileSync('ffmpeg', ['-nostdin', '-v', 'error', ...drawn, still])
      const short = makeVideo(join(folder.path, 'short.mp4'), ['-c:v', 'libx264'], 3)
      for (const [camera, words] of [
        [short, 'the video is 3.0 s long'],
        [still, 'nothing moved in this video'],
      ] as const) {
        const at = (name: string) => join(folder.path, `${name}-${words.length}`)
        const { code, output } = await endOf([
          '--walkthrough',
          '--out',
          at('out'),
          '--data',
          at('data'),
          '--camera',
          camera,
        ])
        expect(code).toBe(1)
        expect(output).toContain(`SOURCE_UNSUPPORTED: ${words}`)
      }
      expect(await processesOn(folder.path)).toEqual([])
    },
    STORY_MS,
  )
})
