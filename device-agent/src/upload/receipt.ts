import { isSignedBy, LatchkeyError, type PublicJwk, stored } from '@latchkey/shared'

/** What a receipt must say to count. */
export interface ExpectedReceipt {
  readonly kind: 'item' | 'manifest' | 'day'
  readonly clip: string | null
  readonly index: number | null
  /** Body hash of an item, digest of a manifest or day record. */
  readonly sha256: string
}

/** Whose receipts count, and for whom they are. */
export interface ReceiptTrust {
  readonly relay: string
  /** Pinned when the device was paired. */
  readonly relayJwk: PublicJwk
  /** URN of this device. */
  readonly device: string
}

/**
 * A receipt counts only when the pinned relay key signed it for this device and exactly this object: only then may an
 * item leave the spool.
 * Untrusted: `raw`.
 * @throws RECEIPT_INVALID
 */
export function assertReceipt(raw: string, expected: ExpectedReceipt, trust: ReceiptTrust): void {
  try {
    const receipt = stored.parse(raw)
    const { iss, aud, latchkey } = receipt.payload
    const fits =
      iss === trust.relay &&
      aud === trust.device &&
      latchkey.kind === expected.kind &&
      latchkey.clip === expected.clip &&
      latchkey.index === expected.index &&
      latchkey.sha256 === expected.sha256 &&
      isSignedBy(receipt, trust.relayJwk)
    if (fits) return
  } catch (cause) {
    throw new LatchkeyError('RECEIPT_INVALID', 'the upload receipt does not parse', { cause })
  }
  throw new LatchkeyError('RECEIPT_INVALID', 'the upload receipt is not for this upload')
}
