/** Numbers in 0…1, the same for the same seed on every machine. */
export type Random = () => number

/** mulberry32, with the seed spread first so that neighbouring seeds have nothing in common. */
export function createRandom(seed: number): Random {
  let state = Math.imul(seed ^ 0x9e37_79b9, 0x85eb_ca6b) >>> 0
  return () => {
    state = (state + 0x6d2b_79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

/** Uniform in from…to. */
export function between(random: Random, from: number, to: number): number {
  return from + (to - from) * random()
}

const TABLE_SIZE = 1 << 18

/** A sensor: turns light into bytes, with fresh Gaussian noise in every picture. */
export interface Sensor {
  /** `gain × light + noise` → 16…235, into `bytes`. `light`: luma levels, row by row. */
  expose(light: Float32Array, bytes: Uint8Array, at: { readonly gain: number; readonly sigma: number }): void
}

/** Builds a sensor for pictures `width` wide. */
export function createSensor(width: number, random: Random): Sensor {
  const normal = Float32Array.from({ length: TABLE_SIZE }, () => {
    // Box and Muller 1958.
    return Math.sqrt(-2 * Math.log(1 - random())) * Math.cos(2 * Math.PI * random())
  })
  return {
    expose(light, bytes, { gain, sigma }) {
      for (let row = 0; row < light.length; row += width) {
        // Every line starts elsewhere in the table, so that it is never seen repeating.
        const shift = Math.floor(random() * TABLE_SIZE)
        for (let at = row, end = row + width; at < end; at++) {
          const level = light[at]! * gain + normal[(at + shift) & (TABLE_SIZE - 1)]! * sigma + 0.5
          bytes[at] = level < 16 ? 16 : level > 235 ? 235 : level
        }
      }
    },
  }
}
