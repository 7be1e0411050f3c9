import { describe, expect, test } from 'vitest'
import { ffmpegInput, ingestArguments } from '../../device-agent/src/camera/ffmpeg-arguments.ts'
import { assertCameraSource, parseCameraSource } from '../../device-agent/src/camera/source.ts'

const FFMPEG = { path: '/usr/bin/ffmpeg', major: 5, minor: 1 }
const SECRET = 'rtsp://admin:s3cret@10.0.0.9/stream'

describe('a camera’s one line', () => {
  test('is understood as a file, a network camera, a video device or the Pi’s own', () => {
    expect(parseCameraSource('clips/a.mp4')).toEqual({ kind: 'file', path: 'clips/a.mp4', loop: false, rate: 1 })
    expect(parseCameraSource(SECRET)).toEqual({ kind: 'rtsp', url: SECRET })
    expect(parseCameraSource('/dev/video0')).toMatchObject({ kind: 'v4l2', device: '/dev/video0' })
    expect(parseCameraSource('rpicam')).toMatchObject({ kind: 'rpicam' })
  })

  test.each(['', 'http://10.0.0.9/video', `${SECRET}'\noption x y`, "rtsp://admin:s3'cret@host/", 'rtsp://'])(
    'is refused without being quoted: %j',
    (text) => {
      const refusal = { code: 'CONFIG_INVALID', message: expect.not.stringContaining('cret') as string }
      expect(() => parseCameraSource(text)).toThrow(expect.objectContaining(refusal))
    },
  )

  test('refuses a loop that is played fast, and a pace below that of the recording', () => {
    const file = { kind: 'file', path: 'a.mp4' } as const
    const refusal = expect.objectContaining({ code: 'CONFIG_INVALID' }) as Error
    expect(() => assertCameraSource({ ...file, loop: true, rate: 4 })).toThrow(refusal)
    expect(() => assertCameraSource({ ...file, loop: false, rate: 0.5 })).toThrow(refusal)
  })
})

describe('the arguments of the ingest', () => {
  test('never hold the address of a network camera', () => {
    const input = ffmpegInput({ kind: 'rtsp', url: SECRET }, { ffmpeg: FFMPEG, deviceFormat: 'raw' })
    expect(ingestArguments({ input, framesPerSecond: 0 }).join(' ')).not.toMatch(/s3cret|10\.0\.0\.9/)
    expect(input.script).toContain(SECRET)
  })

  test('copy the coded pictures wherever the source has any', () => {
    const device = { kind: 'v4l2', device: '/dev/video0', width: 640, height: 480, framesPerSecond: 10 } as const
    const copying = ffmpegInput(device, { ffmpeg: FFMPEG, deviceFormat: 'h264' })
    expect(ingestArguments({ input: copying, framesPerSecond: 10 }).join(' ')).toContain('-c copy')
    const raw = ffmpegInput(device, { ffmpeg: FFMPEG, deviceFormat: 'raw' })
    const coding = ingestArguments({ input: raw, framesPerSecond: 10 }).join(' ')
    expect(coding).toContain('-c:v libx264')
    expect(coding).toContain('-g 20 -keyint_min 20')
  })

  test('use the option that this release means by a time limit: on 4.x -timeout is to listen', () => {
    const source = { kind: 'rtsp', url: SECRET } as const
    expect(ffmpegInput(source, { ffmpeg: FFMPEG, deviceFormat: 'raw' }).script).toContain('option timeout ')
    const old = ffmpegInput(source, { ffmpeg: { ...FFMPEG, major: 4 }, deviceFormat: 'raw' })
    expect(old.script).toContain('option stimeout ')
  })
})
