/** This phone's camera, for as long as it takes to find a code. */
import { sleep } from '../../kernel/clock.ts'
import { createQrReader } from './qr-reader.ts'

/** `denied`: its owner, or the browser, said no · `missing`: there is none that can be used. */
export type CameraTrouble = 'denied' | 'missing'

const WISH = { audio: false, video: { facingMode: 'environment', width: { ideal: 1_280 }, height: { ideal: 720 } } }
/** A code of seventy modules has ten pixels for each; more only takes longer. */
const WIDEST = 960
const PAUSE_MS = 120

/** Opens the camera that looks away from its owner. */
export async function openCamera(): Promise<MediaStream | CameraTrouble> {
  try {
    return await navigator.mediaDevices.getUserMedia(WISH)
  } catch (error) {
    return error instanceof DOMException && error.name === 'NotAllowedError' ? 'denied' : 'missing'
  }
}

/** Nothing is seen from now on. */
export function closeCamera(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}

/** What the camera shows now, small enough to be read quickly; `null` before its first picture. */
function takePicture(video: HTMLVideoElement, canvas: OffscreenCanvas): ImageData | null {
  if (video.videoWidth === 0) return null
  const scale = Math.min(1, WIDEST / video.videoWidth)
  canvas.width = Math.round(video.videoWidth * scale)
  canvas.height = Math.round(video.videoHeight * scale)
  const context = canvas.getContext('2d', { willReadFrequently: true })
  context?.drawImage(video, 0, 0, canvas.width, canvas.height)
  return context?.getImageData(0, 0, canvas.width, canvas.height) ?? null
}

/**
 * Looks at a playing video until a code is taken. Pictures stay in this function.
 * @param take told of each text that is read; true ends it
 * @throws when there is nothing to read codes with
 */
export async function watchForCode(
  video: HTMLVideoElement,
  take: (text: string) => boolean,
  signal: AbortSignal,
): Promise<void> {
  const read = await createQrReader()
  const canvas = new OffscreenCanvas(1, 1)
  const isWanted = (): boolean => !signal.aborted
  while (isWanted()) {
    const picture = takePicture(video, canvas)
    const text = picture && (await read(picture))
    if (text && isWanted() && take(text)) return
    await sleep(PAUSE_MS, signal)
  }
}
