import { encode } from 'uqr'

/** Light modules around it; the picture's own white frame adds to them. */
const QUIET = 2

/** A QR code as one path: no picture is loaded, nothing is drawn by script. @see ISO/IEC 18004 */
export function QrCode({ text, label }: { text: string; label: string }) {
  const { data, size } = encode(text, { ecc: 'M', border: QUIET })
  const path = data.flatMap((row, y) => row.flatMap((dark, x) => (dark ? [`M${x} ${y}h1v1h-1z`] : [])))
  return (
    <svg class="qr" viewBox={`0 0 ${size} ${size}`} role="img" aria-label={label} shape-rendering="crispEdges">
      <path d={path.join('')} />
    </svg>
  )
}
