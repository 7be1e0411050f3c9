import { LatchkeyError } from '@latchkey/shared'
import type { VideoFormat } from '../flow.ts'
import { isOtherCodec, type NalUnit, sequenceSetsIn } from './nal-units.ts'

/** Notices when a stream becomes another one: other size, other profile, other timing, other codec. */
export interface ParameterWatch {
  /**
   * Looks at one picture.
   * @throws UNAVAILABLE when it belongs to another stream than the ones before: it needs an init segment of its own
   */
  see(units: readonly NalUnit[]): void
}

/**
 * Compares the sequence parameter sets that a stream carries with the first it carried. Those that were announced
 * before it may differ: cameras announce what they were set to last.
 */
export function createParameterWatch(codec: VideoFormat['codec']): ParameterWatch {
  let known: Uint8Array | undefined
  return {
    see(units) {
      if (isOtherCodec(units, codec)) throw new LatchkeyError('UNAVAILABLE', 'the camera changed its codec')
      const sets = sequenceSetsIn(units, codec)
      if (sets.length === 0) return
      const next = Buffer.concat(sets.map(({ bytes }) => bytes))
      known ??= next
      if (!next.equals(known)) throw new LatchkeyError('UNAVAILABLE', 'the camera changed its picture')
    },
  }
}
