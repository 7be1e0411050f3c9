import { indexesOf, LatchkeyError } from '@latchkey/shared'
import type { InvestigatorCaller, SealedFile } from '../flow.ts'
import { type ReleaseParts, requireDownload } from './downloads.ts'

export interface ReleasedItemParts extends ReleaseParts {
  /** An item of a household's clip under another header. @throws NOT_FOUND */
  openItem(root: string, item: { clip: string; index: number; header: Uint8Array }): Promise<SealedFile>
}

/**
 * One item of a download: the consent's header before the unchanged payload. Repeats and ranges are not counted.
 * @throws as `takeDownload`, and NOT_FOUND for an item that the consent does not name
 */
export async function openReleasedItem(
  parts: ReleasedItemParts,
  caller: InvestigatorCaller,
  wanted: { readonly download: string; readonly index: number },
): Promise<SealedFile> {
  const { grant, payload } = await requireDownload(parts, caller, wanted.download)
  const place = indexesOf(payload.authorization_details[0]!.items).indexOf(wanted.index)
  const header = grant.headers[place]
  if (!header) throw new LatchkeyError('NOT_FOUND', 'the consent does not name this item')
  return parts.openItem(grant.root, { clip: grant.clip, index: wanted.index, header })
}
