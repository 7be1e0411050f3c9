import { LatchkeyError } from '@latchkey/shared'

/** `nal_unit_type` of a slice of an IDR picture: nothing after it needs anything before it. @see ITU-T H.264 §7.4.1 */
const NAL_IDR_SLICE = 5

/**
 * The types of the NAL units of one access unit, in order.
 * Untrusted: `data`, length-prefixed NAL units with lengths of `lengthBytes` (1, 2 or 4).
 * @throws ENCODING_INVALID when the lengths do not fill `data` exactly
 * @see ISO/IEC 14496-15 §5.3.4.2
 */
export function parseNalTypes(data: Uint8Array, lengthBytes: number): number[] {
  const types: number[] = []
  for (let at = 0; at < data.length;) {
    let sizeBytes = 0
    for (let i = 0; i < lengthBytes; i++) sizeBytes = sizeBytes * 256 + (data[at + i] ?? Number.NaN)
    at += lengthBytes
    if (!(sizeBytes > 0 && sizeBytes <= data.length - at))
      throw new LatchkeyError('ENCODING_INVALID', 'NAL units do not fill their sample')
    types.push(data[at]! & 0x1f)
    at += sizeBytes
  }
  return types
}

/** Whether decoding can start at these NAL units. */
export function isIdr(nalTypes: readonly number[]): boolean {
  return nalTypes.includes(NAL_IDR_SLICE)
}
