/** Exact geometry on whole numbers: a phone, a relay and an auditor must agree on every point of an edge. */

/** [latitude, longitude]; here just two whole numbers. */
export type GridPoint = readonly [number, number]

/** Side of `c` seen from `a` to `b`: 1, −1, or 0 when the three lie on one line. Exact. */
export function orientation(a: GridPoint, b: GridPoint, c: GridPoint): number {
  const [p, q] = [b[0] - a[0], c[1] - a[1]]
  const [r, s] = [b[1] - a[1], c[0] - a[0]]
  const [left, right] = [p * q, r * s]
  if (Math.abs(left) <= Number.MAX_SAFE_INTEGER && Math.abs(right) <= Number.MAX_SAFE_INTEGER)
    return Math.sign(left - right)
  const difference = BigInt(p) * BigInt(q) - BigInt(r) * BigInt(s)
  return difference > 0n ? 1 : difference < 0n ? -1 : 0
}

const between = (low: number, value: number, high: number) =>
  Math.min(low, high) <= value && value <= Math.max(low, high)

/** Does `p` lie on the segment from `a` to `b`, ends included? */
export function isOnSegment(p: GridPoint, a: GridPoint, b: GridPoint): boolean {
  return between(a[0], p[0], b[0]) && between(a[1], p[1], b[1]) && orientation(a, b, p) === 0
}

/** Do the segments a–b and c–d share a point, ends included? */
export function segmentsTouch(a: GridPoint, b: GridPoint, c: GridPoint, d: GridPoint): boolean {
  const crosses = orientation(a, b, c) * orientation(a, b, d) < 0 && orientation(c, d, a) * orientation(c, d, b) < 0
  return crosses || isOnSegment(c, a, b) || isOnSegment(d, a, b) || isOnSegment(a, c, d) || isOnSegment(b, c, d)
}

/** Edges of a closed ring, in order. */
export function edgesOf(ring: readonly GridPoint[]): (readonly [GridPoint, GridPoint])[] {
  return ring.map((vertex, i) => [vertex, ring[(i + 1) % ring.length]!])
}

/** Is `p` inside the ring or on its edge? The ring is simple. Exact. */
export function ringContains(ring: readonly GridPoint[], p: GridPoint): boolean {
  let inside = false
  for (const [a, b] of edgesOf(ring)) {
    if (isOnSegment(p, a, b)) return true
    // Half-open in latitude, so that a ray through a vertex counts it once.
    const upward = b[0] > a[0]
    if (a[0] > p[0] !== b[0] > p[0] && orientation(a, b, p) > 0 === upward) inside = !inside
  }
  return inside
}
