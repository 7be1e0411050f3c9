import { type Signer, stored, type Stored } from '@latchkey/shared'

/** The relay's signed word that something is durable. */
export type SignReceipt = (aud: string, receipt: Omit<Stored['latchkey'], 'v'>) => Promise<string>

/** Deterministic: the same upload, asked again, has byte for byte the same receipt. */
export function createReceiptSigner(publicOrigin: string, signer: Signer): SignReceipt {
  return (aud, receipt) =>
    stored.encode(
      { iss: publicOrigin, aud, iat: Math.floor(receipt.receivedMs / 1000), latchkey: { v: 1, ...receipt } },
      signer,
    )
}
