import type { Validator } from '@latchkey/shared'

/** For answers of our own relay whose body this launcher does not use: any JSON will do. */
export const anything: Validator<unknown> = {
  check: (value): value is unknown => value !== undefined,
  explain: () => 'no JSON',
}
