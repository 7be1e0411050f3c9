import { LatchkeyError } from '@latchkey/shared'
import { encodeFragment } from '../kernel/fmp4-fragment.ts'
import type { Sample } from './fmp4-fragment-parser.ts'
import { encodeAvcInit } from './fmp4-init-writer.ts'
import { type ParsedInit, parseInit } from './fmp4-init.ts'
import { parseSequenceParameters } from './h264-parameter-sets.ts'
import { isKeyframe, parseNalUnits } from './nal-units.ts'
import { type AccessUnit, NAL_LENGTH_BYTES } from './rtp-h264-assembler.ts'

/** What pictures of a connection become. */
export type TrackPart =
  | { readonly kind: 'init'; readonly init: ParsedInit }
  /** `boxes`: the same as a fragment. */
  | { readonly kind: 'sample'; readonly sample: Sample; readonly boxes: readonly Uint8Array[] }

/** RTP's clock for pictures. @see RFC 6184 §8.2.1 */
const TIMESCALE = 90_000
/** Until the next picture says better; 15 per second. */
const FIRST_DURATION_TICKS = 6_000
const SEQUENCE_SET = 7
const PICTURE_SET = 8
/** As many as a configuration can name. @see ISO/IEC 14496-15 §5.3.3.1 */
const MAX_SETS = 31

const ofType = (units: readonly Uint8Array[], type: number) =>
  units.filter(({ length, 0: first }) => length >= 4 && (first! & 0x1f) === type).slice(0, MAX_SETS)

/** The sets that came with a picture; of a kind that did not, those announced before. */
function chooseSets(own: readonly Uint8Array[], announced: readonly Uint8Array[], type: number): Uint8Array[] {
  const among = ofType(own, type)
  return (among.length > 0 ? among : ofType(announced, type)).map((set) => set.slice())
}

/**
 * Builds the way from pictures, in the order in which they are sent, to an initialisation segment and samples. What comes
 * before the first keyframe with its parameter sets is left out. `announced`: sets that were told beforehand.
 * The function throws SOURCE_UNSUPPORTED for streams whose pictures are not shown in the order in which they are sent, for
 * these need a clock that RTP does not carry; ENCODING_INVALID when that shows later, or for anything broken.
 * Untrusted: everything.
 */
export function createH264Track(announced: readonly Uint8Array[]): (unit: AccessUnit) => TrackPart[] {
  let begun = false
  let lastTicks = -1
  let durationTicks = FIRST_DURATION_TICKS
  let count = 0

  /** Undefined while nothing can begin here. */
  function begin(data: Uint8Array): TrackPart | undefined {
    const units = parseNalUnits(data, NAL_LENGTH_BYTES)
    if (!isKeyframe(units, 'h264')) return undefined
    const own = units.map(({ bytes }) => bytes)
    const sequenceSets = chooseSets(own, announced, SEQUENCE_SET)
    const pictureSets = chooseSets(own, announced, PICTURE_SET)
    if (sequenceSets.length === 0 || pictureSets.length === 0) return undefined
    const parameters = parseSequenceParameters(sequenceSets[0]!)
    if ((parameters.reorderFrames ?? 0) > 0 || !parameters.framesOnly)
      throw new LatchkeyError('SOURCE_UNSUPPORTED', 'the camera sends B-frames or half pictures')
    const { ftyp, moov } = encodeAvcInit({ parameters, sequenceSets, pictureSets, timescale: TIMESCALE })
    begun = true
    return { kind: 'init', init: parseInit(ftyp, moov) }
  }

  function sampleOf({ data, ticks, afterLoss }: AccessUnit): TrackPart {
    if (ticks <= lastTicks) throw new LatchkeyError('ENCODING_INVALID', 'the camera’s pictures go back in time')
    if (lastTicks >= 0) durationTicks = ticks - lastTicks
    lastTicks = ticks
    const times = { dtsTicks: ticks, ptsTicks: ticks, durationTicks }
    const sync = count === 0
    // What the samples' flags say is read by nobody: keyframes count by their slices.
    const fragment = encodeFragment({ frames: [{ data, ...times, keyframe: sync }], sequence: ++count, originTicks: 0 })
    const copy = fragment.subarray(fragment.length - data.length)
    return { kind: 'sample', sample: { data: copy, ...times, sync, afterLoss }, boxes: [fragment] }
  }

  return (unit) => {
    const start = begun ? undefined : begin(unit.data)
    if (!begun) return []
    const sample = sampleOf(unit)
    return start === undefined ? [sample] : [start, sample]
  }
}
