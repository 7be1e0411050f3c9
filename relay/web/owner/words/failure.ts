import { codeOf } from '@latchkey/shared'
import { words } from './words.ts'

/** What went wrong, for people: our own words for a code we know, the error's otherwise. Never more than text. */
export function failureWords(error: unknown): string {
  const code = codeOf(error)
  const known = words.app.failures[code]
  if (known !== undefined) return known
  const said = error instanceof Error ? error.message : ''
  return [words.app.failed, said && `: ${said}`, ` ${words.app.code(code)}`].join('')
}
