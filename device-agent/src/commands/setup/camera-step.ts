import { codeOf, LatchkeyError } from '@latchkey/shared'
import type { FfmpegBinary } from '../../camera/ffmpeg-binary.ts'
import { type CameraSource, parseCameraSource } from '../../camera/source.ts'
import { systemClock } from '../../kernel/clock.ts'
import { cameraAdvice, cameraWords, tryCamera } from '../camera-trial.ts'
import type { RunTool } from '../doctor/finding.ts'
import type { Terminal } from '../terminal.ts'
import { type SetupOptions, splitCredentials, withCredentials } from './answers.ts'
import { loadSecretLine } from './config-files.ts'
import type { Dialogue } from './dialogue.ts'
import { findCameras } from './found-cameras.ts'

/** What the step needs. */
export interface CameraStep {
  readonly options: SetupOptions
  readonly dialogue: Dialogue
  readonly terminal: Terminal
  readonly ffmpeg: FfmpegBinary
  readonly run: RunTool
}

/** The camera a person chose. */
export interface ChosenCamera {
  /** Without user and password; fit to be shown. */
  readonly shown: string
  /** As the agent reads it; secret when it holds a password. */
  readonly source: string
  readonly secret: boolean
}

const RTSP = 'rtsp'
const OTHER = 'other'

function checkSource(text: string): string | null {
  try {
    parseCameraSource(text)
    return null
  } catch (error) {
    return error instanceof LatchkeyError ? error.message : 'not a camera'
  }
}

const checkRtsp = (text: string): string | null =>
  /^rtsps?:\/\/./i.test(text) ? checkSource(text) : 'it begins with rtsp:// and stands in the camera’s manual'

/** Joins an address with user and password, from the address itself, the options, or the person. */
async function withPassword(address: string, { options, dialogue }: CameraStep): Promise<ChosenCamera> {
  const plain = splitCredentials(address)
  if (!/^rtsps?:/i.test(address)) return { shown: address, source: address, secret: false }
  const file = options['camera-password-file']
  const given = options['camera-user'] ?? plain.user
  const isTold = given !== '' || dialogue.unattended
  const answer = isTold
    ? given
    : await dialogue.ask('User name at the camera', { option: '--camera-user', fallback: 'none' })
  const user = answer === 'none' ? '' : answer
  if (user === '') return { shown: plain.address, source: plain.address, secret: false }
  const asked = file !== undefined || plain.password !== ''
  const typed = asked ? plain.password : await dialogue.secret('Password', { option: '--camera-password-file FILE' })
  const password = file === undefined ? typed : await loadSecretLine(file)
  return { shown: plain.address, source: withCredentials(plain.address, { user, password }), secret: true }
}

async function chooseCamera(step: CameraStep): Promise<ChosenCamera> {
  const { options, dialogue, terminal, run } = step
  if (options.camera !== undefined) return withPassword(options.camera, step)
  const found = await findCameras(run, '/sys')
  if (found.length === 0) terminal.write('No camera is attached to this machine itself.\n')
  const choices = [
    ...found.map(({ source, label }) => ({ value: source, label })),
    { value: RTSP, label: 'A network camera (RTSP)' },
    { value: OTHER, label: 'Something else: a video device or a video file' },
  ]
  const choice = await dialogue.choose('Which camera watches the door?', choices, { option: '--camera' })
  const about = { option: '--camera' }
  if (choice === RTSP)
    return withPassword(
      await dialogue.ask('Its address, like rtsp://192.168.1.20/stream1', { ...about, check: checkRtsp }),
      step,
    )
  if (choice === OTHER)
    return withPassword(await dialogue.ask('Its device or file', { ...about, check: checkSource }), step)
  return withPassword(choice, step)
}

/** A file shows what it holds as fast as it can be read. */
const atOnce = (source: CameraSource): CameraSource => (source.kind === 'file' ? { ...source, rate: 50 } : source)

/** Watches the camera some seconds and tells what came. @returns whether it can be used */
async function tryOut({ source, shown }: ChosenCamera, { terminal, ffmpeg, dialogue }: CameraStep): Promise<boolean> {
  terminal.write(`  Looking at ${shown} for some seconds…\n`)
  try {
    const facts = await tryCamera({
      source: atOnce(parseCameraSource(source)),
      ffmpeg,
      clock: systemClock,
      signal: dialogue.signal,
    })
    terminal.write(`  ${terminal.tone('good', '✓')} ${cameraWords(facts)}\n`)
    for (const advice of cameraAdvice(facts)) terminal.write(`  ${terminal.tone('note', '!')} better: ${advice}\n`)
    return true
  } catch (error) {
    if (dialogue.signal.aborted || codeOf(error) === 'INTERNAL') throw error
    terminal.write(`  ${terminal.tone('bad', '✗')} ${(error as LatchkeyError).message}\n`)
    return false
  }
}

/** The answers without those of the camera. */
function forgetCamera(options: SetupOptions): SetupOptions {
  const about = ['camera', 'camera-user', 'camera-password-file']
  return Object.fromEntries(Object.entries(options).filter(([name]) => !about.includes(name))) as SetupOptions
}

/**
 * The camera: found, chosen, and tried.
 * @throws USAGE when nobody is there to ask; SOURCE_UNSUPPORTED when an unattended one cannot be used
 */
export async function askForCamera(step: CameraStep): Promise<ChosenCamera> {
  let given = step
  for (;;) {
    const camera = await chooseCamera(given)
    if (await tryOut(camera, step)) return camera
    if (step.dialogue.unattended)
      throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera of --camera cannot be used; nothing was changed')
    const next = await step.dialogue.choose(
      'What now?',
      [
        { value: 'again', label: 'Choose a camera again' },
        { value: 'keep', label: 'Take it all the same: it will be there later' },
      ],
      { option: '--camera' },
    )
    if (next === 'keep') return camera
    given = { ...step, options: forgetCamera(step.options) }
  }
}
