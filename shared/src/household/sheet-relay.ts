/** Where a household lives, as its recovery sheet tells a new phone: the relay, and the key of the log that holds it to its word. */
import { base32crockford } from '@scure/base'
import { utf8 } from '../bytes/bytes.ts'
import { sha256 } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import { parseVkey } from '../tlog/note-key.ts'

/** What a phone must pin besides the root, which the sheet's secret gives. */
export interface SheetRelay {
  /** Origin. */
  readonly relay: string
  /** Verifier key of its log. */
  readonly logVkey: string
}

/** 80 bits: sixteen characters to type, and nobody finds another relay with the same ones. */
const CODE_BYTES = 10
const CODE_CONTEXT = utf8('latchkey/v1/recovery-sheet/relay\0')

/** What stands behind the sheet's code: `#relay=…&log=…`. */
export function encodeSheetRelay({ relay, logVkey }: SheetRelay): string {
  return `#${new URLSearchParams({ relay, log: logVkey }).toString()}`
}

const damaged = () => new LatchkeyError('KEY_INVALID', 'what the code says of the relay is damaged')

/**
 * The relay that a sheet's code names; null for words, and for a code that names none.
 * Untrusted: `text`.
 * @throws KEY_INVALID when it names something else than an origin and a key
 */
export function parseSheetRelay(text: string): SheetRelay | null {
  const at = text.indexOf('#')
  if (at < 0) return null
  const fields = new URLSearchParams(text.slice(at + 1).trim())
  const [relay, logVkey] = [fields.get('relay') ?? '', fields.get('log') ?? '']
  try {
    parseVkey(logVkey)
    if (new URL(relay).origin === relay) return { relay, logVkey }
  } catch {
    // Falls through: one error for everything that a code cannot say.
  }
  throw damaged()
}

/**
 * `XXXX-XXXX-XXXX-XXXX`: stands for relay and log key where nobody would type the key. Not secret.
 * @see spec/keys.md, "Recovery sheet"
 */
export function sheetRelayCode({ relay, logVkey }: SheetRelay): string {
  const digest = sha256(CODE_CONTEXT, utf8(`${relay}\0${logVkey}`))
  return base32crockford.encode(digest.subarray(0, CODE_BYTES)).match(/.{4}/g)!.join('-')
}

/** As it is compared: whatever its case and dashes, and with the letters that Crockford's alphabet takes for digits. */
const normalised = (code: string): string =>
  code
    .toUpperCase()
    .replace(/[^0-9A-Z]/gu, '')
    .replace(/O/gu, '0')
    .replace(/[IL]/gu, '1')

/** Is this the code of that relay, as a person types it? Untrusted: `typed`. */
export const isSheetRelayCode = (typed: string, relay: SheetRelay): boolean =>
  normalised(typed) === normalised(sheetRelayCode(relay))
