import { codeOf, LatchkeyError } from '@latchkey/shared'
import { type FfmpegBinary, loadFfmpeg } from '../../camera/ffmpeg-binary.ts'
import { type CameraSource, parseCameraSource } from '../../camera/source.ts'
import { loadCameraAddress } from '../../config.ts'
import { cameraAdvice, type CameraTrial, cameraWords, tryCamera } from '../camera-trial.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const ffmpegFinding = findingsOf('ffmpeg')
const cameraFinding = findingsOf('camera')

/** Before 4.3 it lacks options that the agent uses. */
const OLDEST = { major: 4, minor: 3 }

/** An ffmpeg that runs, and its release. */
export async function checkFfmpeg(patient: Patient): Promise<{ finding: Finding; ffmpeg: FfmpegBinary | null }> {
  const { searchPath, ffmpegPath: configuredPath, clock } = patient
  const ffmpeg = await loadFfmpeg({ searchPath, configuredPath, clock }).catch(() => null)
  if (ffmpeg === null) {
    const where = configuredPath === undefined ? 'no ffmpeg that runs' : 'LATCHKEY_FFMPEG names no ffmpeg that runs'
    return { finding: ffmpegFinding.fail(where, 'sudo apt-get install -y ffmpeg'), ffmpeg }
  }
  const { major, minor, path } = ffmpeg
  const old = major < OLDEST.major || (major === OLDEST.major && minor < OLDEST.minor)
  const text = `${major}.${minor} at ${path}`
  const fix = `install ${OLDEST.major}.${OLDEST.minor} or newer: sudo apt-get install -y ffmpeg`
  return { finding: old ? ffmpegFinding.warn(`${text} is old`, fix) : ffmpegFinding.pass(text), ffmpeg }
}

const FIXES: Readonly<Record<CameraSource['kind'], string>> = {
  file: 'camera.source names a video file: check its path, and that the service may read it',
  rtsp: 'check the camera’s power and network, its address, user and password; then: latchkey-agent setup',
  v4l2: 'check the cable; ls -l /dev/video* must show the device, and the service’s user must be in group video',
  rpicam: 'check the ribbon cable; rpicam-hello --list-cameras must show it (package rpicam-apps)',
}

/** Only one program can have a camera at the machine itself. */
const isExclusive = ({ kind }: CameraSource): boolean => kind === 'v4l2' || kind === 'rpicam'

/** Some seconds of what the camera sends. */
export async function checkCamera({ config, clock, running }: Patient, ffmpeg: FfmpegBinary | null): Promise<Finding> {
  if (ffmpeg === null) return cameraFinding.skip('not looked at without ffmpeg')
  try {
    const parsed = parseCameraSource(await loadCameraAddress(config))
    const source = parsed.kind === 'file' ? { ...parsed, rate: config.camera.rate ?? 1 } : parsed
    if (running && isExclusive(source))
      return cameraFinding.skip('in use by the running doorbell: latchkey-agent status says how it is')
    return await tryOut({ source, ffmpeg, clock, hevc: config.camera.hevc ?? false })
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return cameraFinding.fail(error.message, 'latchkey-agent config check')
  }
}

async function tryOut(trial: CameraTrial): Promise<Finding> {
  const { source } = trial
  try {
    const facts = await tryCamera(trial)
    const advice = cameraAdvice(facts)
    const words = cameraWords(facts)
    return advice.length === 0 ? cameraFinding.pass(words) : cameraFinding.warn(words, advice.join('; '))
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    const isSettings = codeOf(error) === 'SOURCE_UNSUPPORTED' && source.kind !== 'file'
    const fix = isSettings ? 'change the camera’s own settings as said' : FIXES[source.kind]
    return cameraFinding.fail(error.message, fix)
  }
}
