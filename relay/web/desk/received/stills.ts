/** Still pictures out of a recording, for paper: drawn by this browser, and no evidence themselves. */
import type { OriginalFile } from '@latchkey/shared'

/** A picture, and the moment of the recording that it shows. */
export interface Still {
  /** Of an object that its maker revokes. */
  readonly url: string
  readonly atS: number
}

/** How many of each stretch of video. */
const COUNT = 4
/** The last picture of a stretch is not at its very end. */
const EDGE_S = 0.1

const heard = (target: EventTarget, type: string): Promise<void> =>
  new Promise((resolve, reject) => {
    target.addEventListener(type, () => resolve(), { once: true })
    target.addEventListener('error', () => reject(new Error('this browser cannot show the recording')), { once: true })
  })

async function drawAt(video: HTMLVideoElement, atS: number): Promise<Still> {
  const sought = heard(video, 'seeked')
  video.currentTime = atS
  await sought
  const canvas = document.createElement('canvas')
  ;[canvas.width, canvas.height] = [video.videoWidth, video.videoHeight]
  canvas.getContext('2d')!.drawImage(video, 0, 0)
  const blob = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'))
  if (blob === null) throw new Error('this browser cannot draw the recording')
  return { url: URL.createObjectURL(blob), atS }
}

/**
 * Pictures from the beginning to the end of one stretch, in order.
 * @param file `video/mp4`
 * @throws when this browser cannot show it
 */
export async function drawStills(file: OriginalFile): Promise<readonly Still[]> {
  const url = URL.createObjectURL(new Blob(file.chunks as Uint8Array<ArrayBuffer>[], { type: file.mediaType }))
  try {
    const video = document.createElement('video')
    video.muted = true
    const loaded = heard(video, 'loadeddata')
    video.src = url
    await loaded
    const lastS = Math.max(0, video.duration - EDGE_S)
    const stills: Still[] = []
    for (let i = 0; i < COUNT; i++) stills.push(await drawAt(video, (lastS * i) / (COUNT - 1)))
    return stills
  } finally {
    URL.revokeObjectURL(url)
  }
}
