import { writeFile } from 'node:fs/promises'
import { encode } from 'uqr'
import { run } from './command-line.ts'

/** Pixels of a module, before the camera looks at it. */
const SCALE = 6

/** A code as a camera sees it: askew, not quite sharp, in noise. @param path of the y4m that a browser takes for its camera */
export async function drawQrVideo(text: string, path: string): Promise<void> {
  const { data, size } = encode(text, { ecc: 'L', border: 4 })
  const side = size * SCALE
  const pixels = Buffer.alloc(side * side, 255)
  for (let y = 0; y < side; y++)
    for (let x = 0; x < side; x++) if (data[Math.floor(y / SCALE)]![Math.floor(x / SCALE)]) pixels[y * side + x] = 0
  const picture = `${path}.pgm`
  await writeFile(picture, Buffer.concat([Buffer.from(`P5 ${side} ${side} 255\n`), pixels]))
  const look = [
    'rotate=0.09:ow=rotw(0.09):oh=roth(0.09):c=white',
    'scale=620:620,pad=1280:720:(ow-iw)/2:(oh-ih)/2:gray',
    'gblur=sigma=0.9,noise=alls=12:allf=t',
  ].join(',')
  const words = ['ffmpeg', '-v', 'error', '-y', '-loop', '1', '-i', picture, '-t', '1', '-r', '10', '-vf', look]
  const { status, stderr } = await run([...words, '-pix_fmt', 'yuv420p', path], '.')
  if (status !== 0) throw new Error(`ffmpeg could not draw the code: ${stderr}`)
}
