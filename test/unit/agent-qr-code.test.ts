import { encode } from 'uqr'
import { describe, expect, test } from 'vitest'
import { drawQrCode } from '../../device-agent/src/commands/setup/qr-code.ts'

const TEXT = `https://relay.example/pair#v=1&relay=https%3A%2F%2Frelay.example&device=${'d'.repeat(43)}&secret=${'s'.repeat(43)}`
const { data: MODULES, size: SIZE } = encode(TEXT, { ecc: 'L', border: 2 })

const withoutColour = (row: string) => row.replaceAll(/\u001b\[[\d;]*m/g, '')

/** Half blocks → what is drawn, two rows for one. */
function halves(rows: readonly string[]): boolean[][] {
  return rows.flatMap((row) => {
    const cells = Array.from(withoutColour(row))
    return [cells.map((cell) => '█▀'.includes(cell)), cells.map((cell) => '█▄'.includes(cell))]
  })
}

describe('a code at the terminal', () => {
  test('is drawn dark on a light ground of its own, two rows in one', () => {
    const rows = drawQrCode(TEXT, { columns: SIZE, unicode: true, colour: true })!
    expect(halves(rows).slice(0, SIZE)).toEqual(MODULES)
    expect(rows.every((row) => row.startsWith('\u001b[48;5;231m\u001b[38;5;16m') && row.endsWith('\u001b[0m'))).toBe(
      true,
    )
  })

  test('without colours draws what is light, for the ground is dark', () => {
    const rows = drawQrCode(TEXT, { columns: SIZE, unicode: true, colour: false })!
    expect(rows.join('')).not.toContain('\u001b')
    expect(halves(rows).slice(0, SIZE)).toEqual(MODULES.map((row) => row.map((dark) => !dark)))
  })

  test('without Unicode is drawn in coloured spaces, where there is room for two a module', () => {
    const rows = drawQrCode(TEXT, { columns: 2 * SIZE, unicode: false, colour: true })!
    const drawn = rows.map((row) => [...row.matchAll(/48;5;(\d+)m {2}/g)].map((match) => match[1] === '16'))
    expect(drawn).toEqual(MODULES)
    expect(rows.map(withoutColour).join('').trim()).toBe('')
    expect(drawQrCode(TEXT, { columns: 2 * SIZE - 1, unicode: false, colour: true })).toBeNull()
  })

  test('is not drawn where it does not fit, or neither blocks nor colours are there', () => {
    expect(drawQrCode(TEXT, { columns: SIZE - 1, unicode: true, colour: true })).toBeNull()
    expect(drawQrCode(TEXT, { columns: 500, unicode: false, colour: false })).toBeNull()
  })
})
