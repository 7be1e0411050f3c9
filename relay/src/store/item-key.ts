import { LatchkeyError } from '@latchkey/shared'

const SEGMENT = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/
const MAX_KEY_CHARACTERS = 300
const MAX_SEGMENTS = 8
/** NAME_MAX of every file system in use is 255 bytes; keys are ASCII. */
const MAX_SEGMENT_CHARACTERS = 200

/**
 * Item key → its segments. A key can never leave the store's folder: no empty segment, none that starts with a dot, no
 * character that a file system or an object store treats specially.
 * Untrusted: `key`.
 * @throws ENCODING_INVALID
 */
export function parseItemKey(key: string): readonly string[] {
  const segments = key.split('/')
  const valid =
    key.length <= MAX_KEY_CHARACTERS &&
    segments.length <= MAX_SEGMENTS &&
    segments.every((segment) => segment.length <= MAX_SEGMENT_CHARACTERS && SEGMENT.test(segment))
  if (!valid) throw new LatchkeyError('ENCODING_INVALID', 'not an item key')
  return segments
}
