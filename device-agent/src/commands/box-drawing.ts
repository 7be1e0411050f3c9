import type { Box } from '../flow.ts'

const COLUMNS = 48
const ROWS = 13

/** Does the box cover a part of this cell of the grid? */
function covers({ x, y, width, height }: Box, column: number, row: number): boolean {
  const meets = (from: number, to: number, cell: number, cells: number) => from * cells < cell + 1 && to * cells > cell
  return meets(x, x + width, column, COLUMNS) && meets(y, y + height, row, ROWS)
}

/** Boxes in 0..1 of the picture, drawn in characters inside a frame, 50 wide and 15 high. */
export function drawBoxes(boxes: readonly Box[]): string[] {
  const rows = Array.from({ length: ROWS }, (_, row) =>
    Array.from({ length: COLUMNS }, (_, column) => (boxes.some((box) => covers(box, column, row)) ? '▒' : ' ')).join(
      '',
    ),
  )
  const edge = '─'.repeat(COLUMNS)
  return [`┌${edge}┐`, ...rows.map((row) => `│${row}│`), `└${edge}┘`]
}
