/** Schemas of address parts and query members. Nothing is coerced: a number in an address is text until we parse it. */
import { LatchkeyError, MAX_ITEMS } from '@latchkey/shared'
import { Type } from 'typebox'

/** Decimal, no leading zero, below 2^53. */
export const WholeText = Type.String({ pattern: '^(0|[1-9][0-9]{0,14})$' })
/** An item index, 0 … 4095. */
export const IndexText = Type.String({ pattern: '^(0|[1-9][0-9]{0,3})$' })

/** Text that passed {@link IndexText} → index. @throws NOT_FOUND above the largest a clip can have */
export function indexOfText(text: string): number {
  const index = Number(text)
  if (index >= MAX_ITEMS) throw new LatchkeyError('NOT_FOUND', 'no such item')
  return index
}

/** `?after=` → cursor; everything when it is missing. */
export function cursorOf(after: string | undefined, start = 0): number {
  return after === undefined ? start : Number(after)
}
