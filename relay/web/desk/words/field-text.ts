/** What stands in a field, and what it means. */

/** By this computer's zone; NaN while it is not whole. */
export const momentOf = (text: string): number => (text === '' ? Number.NaN : new Date(text).getTime())

/** `YYYY-MM-DDTHH:MM` of a moment, by this computer's zone. */
export function momentText(ms: number): string {
  const at = new Date(ms)
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${at.getFullYear()}-${two(at.getMonth() + 1)}-${two(at.getDate())}`
  return `${day}T${two(at.getHours())}:${two(at.getMinutes())}`
}

/** One line as it is signed: composed letters, and no break where a field let one in. */
export const lineOf = (text: string): string =>
  text
    .normalize('NFC')
    .replaceAll(/\s*[\r\n]+\s*/g, ' ')
    .trim()
