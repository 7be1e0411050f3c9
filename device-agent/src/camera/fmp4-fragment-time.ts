import { BOX_HEADER_BYTES, boxTypeAt } from './box-splitter.ts'

/** Where the content of the child box of this type starts; -1 when there is none. */
function contentOf(bytes: Uint8Array, type: string, from: number): number {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length)
  for (let at = from; at + BOX_HEADER_BYTES <= bytes.length;) {
    if (boxTypeAt(bytes, at) === type) return at + BOX_HEADER_BYTES
    at += Math.max(BOX_HEADER_BYTES, view.getUint32(at))
  }
  return -1
}

/**
 * A copy of a `moof` whose decode time is `dtsTicks`; the same `moof` where it has none.
 * @see ISO/IEC 14496-12 §8.8.12
 */
export function withDecodeTime(moof: Uint8Array, dtsTicks: number): Uint8Array {
  const traf = contentOf(moof, 'traf', BOX_HEADER_BYTES)
  const tfdt = traf < 0 ? -1 : contentOf(moof, 'tfdt', traf)
  if (tfdt < 0) return moof
  const copy = moof.slice()
  const view = new DataView(copy.buffer)
  if (copy[tfdt] === 1) view.setBigUint64(tfdt + 4, BigInt(dtsTicks))
  else view.setUint32(tfdt + 4, dtsTicks >>> 0)
  return copy
}
