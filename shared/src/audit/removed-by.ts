import { fromUtf8 } from '../bytes/bytes.ts'
import { LatchkeyError } from '../errors.ts'
import { parseLeaf } from '../tlog/leaf.ts'

/** Texts that the law removed, as far as these leaves say; what does not parse says nothing. Untrusted: `bytes`. */
export function removedBy(bytes: Uint8Array): string | null {
  // Most leaves are not: only what may be one is parsed.
  if (!fromUtf8Lossy(bytes).includes('"legal"')) return null
  try {
    const leaf = parseLeaf(bytes)
    return leaf.type === 'legal' ? (leaf.data.removes ?? null) : null
  } catch (error) {
    if (error instanceof LatchkeyError) return null
    throw error
  }
}

function fromUtf8Lossy(bytes: Uint8Array): string {
  try {
    return fromUtf8(bytes)
  } catch {
    return ''
  }
}
