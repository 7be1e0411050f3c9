import { equalBytes, randomBytes, utf8 } from '@latchkey/shared'

/** Crockford's base 32: nothing that can be mistaken for another; 8 of them are 40 bits. */
const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'
const LENGTH = 8
/** Wrong answers that a code survives, and that the page does: guessing 2⁴⁰ codes ends long before it begins. */
export const CODE_LIMITS = { perCode: 5, inAll: 20 } as const

/** What became of an answer. `spent`: there will be no further code. */
export type CodeVerdict = 'right' | 'wrong' | 'spent'

/** Codes for the person at the terminal: each lets one browser in. */
export interface OneTimeCode {
  /** `ABCD-EFGH`. Secret. */
  readonly current: string
  /** Makes the code void and another one current. */
  renew(): void
  /** Untrusted: `answer`. A right answer spends the code, as five wrong ones do. Compares in constant time. */
  check(answer: string): CodeVerdict
}

function drawCode(): string {
  const text = [...randomBytes(LENGTH)].map((byte) => ALPHABET[byte & 31]!).join('')
  return `${text.slice(0, 4)}-${text.slice(4)}`
}

/** As people type it: small letters, spaces, O for 0, I and L for 1. */
function normalise(answer: string): string {
  return answer.slice(0, 64).toUpperCase().replaceAll(/[\s-]/g, '').replaceAll('O', '0').replaceAll(/[IL]/g, '1')
}

/** Draws the first code. `onRenew`: called with every later one. */
export function createOneTimeCode(onRenew: (code: string) => void): OneTimeCode {
  let current = drawCode()
  let wrongHere = 0
  let wrongInAll = 0

  function renew(): void {
    current = drawCode()
    wrongHere = 0
    onRenew(current)
  }

  return {
    get current() {
      return current
    },
    renew,
    check(answer) {
      if (wrongInAll >= CODE_LIMITS.inAll) return 'spent'
      if (equalBytes(utf8(normalise(answer)), utf8(normalise(current)))) {
        renew()
        return 'right'
      }
      wrongInAll++
      wrongHere++
      if (wrongInAll >= CODE_LIMITS.inAll) return 'spent'
      if (wrongHere >= CODE_LIMITS.perCode) renew()
      return 'wrong'
    },
  }
}
