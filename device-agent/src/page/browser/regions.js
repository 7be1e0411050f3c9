/**
 * @typedef {[number, number]} Point
 * @typedef {{ name: string, role: 'include' | 'exclude' | 'mask', points: Point[] }} Region
 */

const MAX_POINTS = 64

/** @param {number} value */
export const clamp = (value) => Math.round(Math.min(1, Math.max(0, value)) * 1000) / 1000

/** @param {Region[]} regions @param {Region['role']} role @returns {Region} */
export function newRegion(regions, role) {
  const word = role === 'mask' ? 'mask' : 'zone'
  const names = new Set(regions.map(({ name }) => name))
  let number = 1
  while (names.has(`${word} ${number}`)) number++
  // Beside the one before, so that both can be seen.
  const shift = (regions.length % 5) * 0.05
  const [near, far] = [clamp(0.3 + shift), clamp(0.6 + shift)]
  /** @type {Point[]} */
  const points = [
    [near, near],
    [far, near],
    [far, far],
    [near, far],
  ]
  return { name: `${word} ${number}`, role, points }
}

/** @param {Point} point @param {Point} from @param {Point} to */
function distanceTo([x, y], [ax, ay], [bx, by]) {
  const [dx, dy] = [bx - ax, by - ay]
  const along =
    dx === 0 && dy === 0 ? 0 : Math.min(1, Math.max(0, ((x - ax) * dx + (y - ay) * dy) / (dx * dx + dy * dy)))
  return Math.hypot(x - ax - along * dx, y - ay - along * dy)
}

/** Adds a corner where it bends the outline least. @param {Region} region @param {Point} point @returns {number} its place */
export function insertPoint({ points }, point) {
  if (points.length >= MAX_POINTS) return -1
  let best = 0
  let least = Infinity
  points.forEach((from, i) => {
    const distance = distanceTo(point, from, /** @type {Point} */ (points[(i + 1) % points.length]))
    if (distance >= least) return
    best = i
    least = distance
  })
  points.splice(best + 1, 0, point)
  return best + 1
}

/** Adds a corner half way behind `at`. @param {Region} region @param {number} at @returns {number} its place */
export function splitAfter(region, at) {
  const { points } = region
  if (points.length >= MAX_POINTS) return at
  const [[ax, ay], [bx, by]] = /** @type {[Point, Point]} */ ([points[at], points[(at + 1) % points.length]])
  points.splice(at + 1, 0, [clamp((ax + bx) / 2), clamp((ay + by) / 2)])
  return at + 1
}

/** Three corners stay. @param {Region} region @param {number} at */
export function removePoint({ points }, at) {
  if (points.length > 3) points.splice(at, 1)
}
