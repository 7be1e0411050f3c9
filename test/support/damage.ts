import { LatchkeyError } from '../../shared/src/errors.ts'

/** Every truncation of `bytes`, and every copy with one bit flipped (another bit in each byte). */
export function* damagedCopies(bytes: Uint8Array): Generator<{ what: string; copy: Uint8Array }> {
  for (let end = 0; end < bytes.length; end++) yield { what: `cut at ${end}`, copy: bytes.slice(0, end) }
  for (let at = 0; at < bytes.length; at++)
    yield { what: `bit of byte ${at}`, copy: bytes.with(at, bytes[at]! ^ (1 << (at % 8))) }
}

/** Runs `act`: its value, or the code of our own error; any other exception goes on. */
export function valueOrCode<T>(act: () => T): { value: T } | { code: string } {
  try {
    return { value: act() }
  } catch (error) {
    if (error instanceof LatchkeyError) return { code: error.code }
    throw error
  }
}

/** The code of our own error that `act` throws, or `null`. */
export function codeThrown(act: () => unknown): string | null {
  const outcome = valueOrCode(act)
  return 'code' in outcome ? outcome.code : null
}
