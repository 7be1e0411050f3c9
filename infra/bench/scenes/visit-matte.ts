/** A difference of more levels than this is the visitor, not noise or coding. */
const VISITOR_LEVELS = 16
/** Pixels by which the edge is softened. */
const SOFT_PIXELS = 2

/** Cuts a visitor out of pictures of one size. */
export interface VisitMatte {
  /** How much of each pixel is visitor, 0…1; the buffer is reused. `share`: mean over the picture, before softening. */
  cut(picture: Uint8Array): { readonly alpha: Float32Array; readonly share: number }
}

/** Mean over 2 × SOFT_PIXELS + 1 neighbours along lines whose pixels lie `step` apart. */
function soften(
  from: Float32Array,
  to: Float32Array,
  line: { count: number; stride: number; length: number; step: number },
) {
  const span = 2 * SOFT_PIXELS + 1
  for (let i = 0; i < line.count; i++) {
    const start = i * line.stride
    const last = start + (line.length - 1) * line.step
    let sum = 0
    for (let k = -SOFT_PIXELS; k <= SOFT_PIXELS; k++) sum += from[start + Math.max(0, k) * line.step]!
    for (let k = 0, at = start; k < line.length; k++, at += line.step) {
      to[at] = sum / span
      sum +=
        from[Math.min(last, at + (SOFT_PIXELS + 1) * line.step)]! - from[Math.max(start, at - SOFT_PIXELS * line.step)]!
    }
  }
}

/** Builds a matte against `plate`, the place without people: planar YUV 4:2:0 of `width` × `height`. */
export function createVisitMatte(plate: Uint8Array, width: number, height: number): VisitMatte {
  const count = width * height
  const alpha = new Float32Array(count)
  const rows = new Float32Array(count)
  return {
    cut(picture) {
      let visitors = 0
      for (let at = 0; at < count; at++) {
        const differs = Math.abs(picture[at]! - plate[at]!) > VISITOR_LEVELS
        alpha[at] = differs ? 1 : 0
        if (differs) visitors++
      }
      soften(alpha, rows, { count: height, stride: width, length: width, step: 1 })
      soften(rows, alpha, { count: width, stride: 1, length: height, step: width })
      return { alpha, share: visitors / count }
    },
  }
}
