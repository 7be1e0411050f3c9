import { codeOf } from '@latchkey/shared'
import { words } from './words.ts'

/** What went wrong, for people: our own words for a code we know, the error's otherwise. The code always stands beside them. */
export function failureWords(error: unknown): string {
  const code = codeOf(error)
  const said = error instanceof Error ? error.message : ''
  return `${words.failures[code] ?? `${words.failed}${said && `: ${said}.`}`} ${words.code(code)}`
}
