import type { Box } from '../flow.ts'
import type { BlockGrid } from './block-grid.ts'

/** Blocks that belong together. */
export interface Component {
  readonly blocks: readonly number[]
  /** Smallest rectangle around them, in blocks, exclusive ends. */
  readonly bounds: { readonly left: number; readonly top: number; readonly right: number; readonly bottom: number }
}

/** A visitor's coat may match the wall: parts this many blocks apart still belong together. */
const REACH = 2

function neighbours(block: number, { columns, rows }: BlockGrid): number[] {
  const row = Math.floor(block / columns)
  const column = block % columns
  const found: number[] = []
  for (let y = Math.max(0, row - REACH); y <= Math.min(rows - 1, row + REACH); y++)
    for (let x = Math.max(0, column - REACH); x <= Math.min(columns - 1, column + REACH); x++)
      found.push(y * columns + x)
  return found
}

function collect(seed: number, marked: Uint8Array, grid: BlockGrid): Component {
  const blocks = [seed]
  marked[seed] = 0
  const bounds = { left: Infinity, top: Infinity, right: 0, bottom: 0 }
  for (const block of blocks) {
    const column = block % grid.columns
    const row = Math.floor(block / grid.columns)
    bounds.left = Math.min(bounds.left, column)
    bounds.right = Math.max(bounds.right, column + 1)
    bounds.top = Math.min(bounds.top, row)
    bounds.bottom = Math.max(bounds.bottom, row + 1)
    for (const next of neighbours(block, grid)) {
      if (marked[next] === 0) continue
      marked[next] = 0
      blocks.push(next)
    }
  }
  return { blocks, bounds }
}

/** Groups the blocks of `mask` that are not 0, largest group first. */
export function findComponents(mask: Uint8Array, grid: BlockGrid): Component[] {
  const left = mask.slice()
  const components: Component[] = []
  for (let block = 0; block < left.length; block++) if (left[block] !== 0) components.push(collect(block, left, grid))
  return components.sort((a, b) => b.blocks.length - a.blocks.length)
}

/** Bounds in blocks → 0…1 of the picture, rounded to a thousandth. */
export function boxOf({ bounds }: Component, { columns, rows }: BlockGrid): Box {
  const round = (value: number) => Math.round(value * 1000) / 1000
  return {
    x: round(bounds.left / columns),
    y: round(bounds.top / rows),
    width: round((bounds.right - bounds.left) / columns),
    height: round((bounds.bottom - bounds.top) / rows),
  }
}
