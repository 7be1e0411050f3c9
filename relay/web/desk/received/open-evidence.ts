/** Checks and opens a bundle with the key that this browser keeps. */
import {
  encodeBase64url,
  LatchkeyError,
  type OpenedItem,
  planOriginals,
  plaintextsDigest,
  randomBytes,
  received,
  release as releaseMessage,
  renderOpened,
  type Verdict,
  verifyBundleZipWith,
} from '@latchkey/shared'
import { anything } from '@latchkey/shared/client'
import type { OriginalFile } from '@latchkey/shared'
import { nowMs } from '../../kernel/clock.ts'
import type { Database } from '../../kernel/database.ts'
import { type Investigator, openKeys, parseCertificateFile } from '../who/investigator.ts'
import { investigatorClient } from '../who/relay-clients.ts'
import { type Believed, loadBelieved } from '../who/trust-file.ts'
import { type Download, loadBundle, saveDownload } from './bundle-store.ts'

/** Names this program in what it signs and writes. */
const TOOL = 'latchkey desk'

/** A bundle, and what came of checking it. */
export interface Evidence {
  readonly zip: Uint8Array
  readonly verdict: Verdict
  readonly from: Believed['from']
}

const seconds = (): number => Math.floor(nowMs() / 1000)

/** @throws UNAVAILABLE when nobody says whom to believe */
export async function openEvidence(
  database: Database,
  investigator: Investigator,
  download: Download,
): Promise<Evidence> {
  const [zip, { trust, from }, { opener }] = await Promise.all([
    loadBundle(database, download),
    loadBelieved(database, investigator),
    openKeys(investigator.keys),
  ])
  return { zip, verdict: await verifyBundleZipWith(zip, trust, { opener, nowSeconds: seconds() }), from }
}

/** What was opened, as files: the originals, and the texts about them. Only of a verdict that passed. */
export interface OpenedFiles {
  readonly originals: readonly OriginalFile[]
  /** By name. */
  readonly texts: ReadonlyMap<string, string>
}

/** Null for a verdict that did not pass: nothing of it is filed. */
export function openedFilesOf({ passed, facts, opened, ownerDetails }: Verdict): OpenedFiles | null {
  if (!passed || facts === null || opened === null) return null
  const originals = planOriginals(opened)
  const note = { openedSeconds: seconds(), tool: TOOL }
  return { originals, texts: renderOpened(facts, { opened, files: originals, ownerDetails }, note) }
}

/** Signs what arrived and opened, and hands it to the relay. @throws UNAVAILABLE | RECEIPT_INVALID */
export async function sendReceipt(
  given: { database: Database; investigator: Investigator; digest: string; download: Download },
  opened: readonly OpenedItem[],
): Promise<Download> {
  const { database, investigator, digest, download } = given
  if (download.release === null) throw new LatchkeyError('RECEIPT_INVALID', 'there is no release')
  const { signer } = await openKeys(investigator.keys)
  const signed = await received.encode(
    {
      iss: parseCertificateFile(investigator.certificate!).payload.iss,
      sub: signer.urn,
      jti: encodeBase64url(randomBytes(16)),
      iat: seconds(),
      latchkey: {
        v: 1,
        release: releaseMessage.parse(download.release).digest,
        consent: digest,
        plaintextsSha256: plaintextsDigest(opened),
        items: opened.length,
        tool: TOOL,
      },
    },
    signer,
  )
  const client = await investigatorClient(investigator)
  const json = { received: signed, salt: encodeBase64url(randomBytes(32)) }
  await client.json('POST', '/v1/received', anything, { json })
  const acknowledged = { ...download, receiptMs: nowMs() }
  await saveDownload(database, digest, acknowledged)
  return acknowledged
}
