import { Exact } from '@latchkey/shared'
import { Type } from 'typebox'
import { CHOSEN_PICTURE } from './camera/source.ts'
import { AbsolutePath, Fraction, Milliseconds, optional, required, Switch, Text, Whole } from './config-key.ts'
import type { Masks } from './flow.ts'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Shapes of the picture, by name. */
export const MasksConfig = Type.Unsafe<Masks>(
  Type.Record(
    Type.String({ pattern: '^[A-Za-z0-9 _-]{1,40}$' }),
    Exact({ points: Type.Array(Type.Tuple([Share, Share]), { minItems: 3, maxItems: 64 }) }),
    {
      additionalProperties: false,
      maxProperties: 32,
      rule: 'named shapes, each {points: [[x, y], …]} of 3 to 64 points, x and y from 0 to 1',
    },
  ),
)

/** Without a picture for this long a camera counts as lost. */
export const DEFAULT_STALE_MS = 5_000

/** The keys of the camera. */
export const CameraConfig = Exact({
  source: optional(
    Text(1, 4_096),
    'where the pictures come from: rpicam (the camera of a Pi), /dev/video0, rtsp://… without a password, or a video file',
    { example: 'rpicam' },
  ),
  sourceFile: optional(
    AbsolutePath,
    'instead of source: a file whose first line is the source, for addresses with a password',
    { example: '/etc/latchkey/camera.address' },
  ),
  substream: optional(
    Text(1, 4_096),
    'a smaller stream of the same camera, which motion is looked for in; what is recorded stays the source',
    { example: 'rtsp://192.168.1.20/stream2' },
  ),
  substreamFile: optional(
    AbsolutePath,
    'instead of substream: a file whose first line is it, for addresses with a password',
    { example: '/etc/latchkey/substream.address' },
  ),
  name: required(Text(1, 100), 'what the door is called; only the household ever sees it', { example: 'Front door' }),
  loop: optional(Switch, 'a video file starts again at its end', { default: false }),
  rate: optional(Fraction(1, 1_000), 'a video file plays this much faster', { default: 1 }),
  staleMs: optional(
    Milliseconds(1_000, 600_000),
    'without a picture for this long the camera counts as lost and is started again',
    { default: DEFAULT_STALE_MS },
  ),
  width: optional(Whole(160, 7_680), 'columns asked of /dev/video… and rpicam, which let us choose', {
    default: CHOSEN_PICTURE.width,
  }),
  height: optional(Whole(120, 4_320), 'rows asked of the same', { default: CHOSEN_PICTURE.height }),
  framesPerSecond: optional(Whole(1, 60), 'pictures per second asked of the same', {
    default: CHOSEN_PICTURE.framesPerSecond,
  }),
  hevc: optional(Switch, 'a camera that sends H.265 is recorded as it is; not every player shows it', {
    default: false,
  }),
  audio: optional(Switch, 'the sound is recorded too, sealed apart from the pictures; ask everybody who is heard', {
    default: false,
  }),
})
