import { encodeBase64url } from '../bytes/base64url.ts'
import { codeOf, LatchkeyError } from '../errors.ts'
import { parseHeader, sharesOf } from './age-header.ts'
import type { HeaderOpener, ReadyOpener } from './keys.ts'

/** What a file's header asks an opener for; nothing where it is no header, which whoever opens it will say. */
function sharesOfFile(file: Uint8Array): Uint8Array[] {
  try {
    return sharesOf(parseHeader(file))
  } catch (error) {
    if (codeOf(error) === 'AGE_HEADER_INVALID') return []
    throw error
  }
}

/**
 * Asks an opener beforehand for everything that these files will need, so that what opens them need not wait.
 * Untrusted: `files`.
 * @param files age files, or at least their headers
 * @returns an opener for these files and no others: asked for more it throws INTERNAL
 */
export async function agreeBefore(opener: HeaderOpener, files: readonly Uint8Array[]): Promise<ReadyOpener> {
  const agreed = new Map<string, Uint8Array | null>()
  for (const share of files.flatMap(sharesOfFile)) agreed.set(encodeBase64url(share), await opener.agree(share))
  return {
    recipient: opener.recipient,
    publicKey: opener.publicKey,
    agree: (share) => {
      const known = agreed.get(encodeBase64url(share))
      if (known === undefined) throw new LatchkeyError('INTERNAL', 'a header that was not looked at before')
      return known
    },
  }
}
