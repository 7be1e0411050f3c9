/** Luma to draw on; places and lengths are in heights of the picture, so that a drawing fits every size. */
export class DrawnCanvas {
  readonly width: number
  readonly height: number
  readonly light: Float32Array

  constructor(width: number, height: number) {
    this.width = width
    this.height = height
    this.light = new Float32Array(width * height)
  }

  /** An upright rectangle; `stripe`: levels by which every other band differs. */
  bar(box: { left: number; top: number; width: number; height: number }, level: number, stripe = 0): void {
    const { light, width, height } = this
    const [top, bottom] = [Math.max(0, Math.round(box.top * height)), Math.round((box.top + box.height) * height)]
    const [left, right] = [Math.max(0, Math.round(box.left * height)), Math.round((box.left + box.width) * height)]
    const band = Math.max(2, box.height * height * 0.12)
    for (let y = top; y < Math.min(height, bottom); y++) {
      const shade = level + (Math.floor((y - box.top * height) / band) % 2 === 0 ? stripe : 0)
      for (let x = left; x < Math.min(width, right); x++) light[y * width + x] = shade + ((x * 7 + y * 13) % 5)
    }
  }

  disc(middle: { x: number; y: number; radius: number }, level: number): void {
    const { light, width, height } = this
    const [cx, cy, r] = [middle.x * height, middle.y * height, middle.radius * height]
    for (let y = Math.max(0, Math.ceil(cy - r)); y < Math.min(height, cy + r); y++) {
      const half = Math.sqrt(Math.max(0, r * r - (y - cy) ** 2))
      for (let x = Math.max(0, Math.ceil(cx - half)); x < Math.min(width, cx + half); x++)
        light[y * width + x] = level + (y < cy - r * 0.3 ? -14 : 0)
    }
  }

  /** A thin bright line that falls, blended by `share`. */
  streak(from: { x: number; y: number; length: number; slant: number }, level: number, share: number): void {
    const { light, width, height } = this
    const pixels = Math.round(from.length * height)
    for (let step = 0; step < pixels; step++) {
      const y = Math.round(from.y * height) + step
      const x = Math.round(from.x * height + step * from.slant)
      if (x < 0 || y < 0 || x >= width || y >= height) continue
      const at = y * width + x
      light[at]! += share * (level - light[at]!)
    }
  }
}
