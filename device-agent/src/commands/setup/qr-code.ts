import { encode } from 'uqr'

/** What a terminal can show. */
export interface QrCanvas {
  readonly columns: number
  readonly unicode: boolean
  readonly colour: boolean
}

/** Light modules around the code. Four are the rule; two are enough for phones, and fit 80 columns. */
const QUIET = 2
const ESCAPE = '\u001b['
/** Light is white and dark is black, whatever the terminal's own colours are: some readers refuse inverted codes. */
const [LIGHT_GROUND, DARK_GROUND, DARK_INK, RESET] = [
  `${ESCAPE}48;5;231m`,
  `${ESCAPE}48;5;16m`,
  `${ESCAPE}38;5;16m`,
  `${ESCAPE}0m`,
]

type Modules = readonly (readonly boolean[])[]

/** Two rows of modules in one row of half blocks, dark in `█` on a light ground. */
function compactRows(modules: Modules, colour: boolean): string[] {
  const rows: string[] = []
  for (let y = 0; y < modules.length; y += 2) {
    const cells = modules[y]!.map((upper, x) => {
      // Without colours the ground is most likely dark: then what is drawn is the light part.
      const [top, bottom] = [upper === colour, (modules[y + 1]?.[x] ?? false) === colour]
      return top ? (bottom ? '█' : '▀') : bottom ? '▄' : ' '
    }).join('')
    rows.push(colour ? `${LIGHT_GROUND}${DARK_INK}${cells}${RESET}` : cells)
  }
  return rows
}

/** A module as two spaces on a coloured ground: no character of it is beyond ASCII. */
function wideRows(modules: Modules): string[] {
  return modules.map((row) => `${row.map((dark) => `${dark ? DARK_GROUND : LIGHT_GROUND}  `).join('')}${RESET}`)
}

/**
 * A QR code of `text`, line by line; null where the terminal is too narrow, or can show neither blocks nor colours.
 * @see ISO/IEC 18004
 */
export function drawQrCode(text: string, { columns, unicode, colour }: QrCanvas): readonly string[] | null {
  const { data, size } = encode(text, { ecc: 'L', border: QUIET })
  if (unicode && columns >= size) return compactRows(data, colour)
  return colour && columns >= 2 * size ? wideRows(data) : null
}
