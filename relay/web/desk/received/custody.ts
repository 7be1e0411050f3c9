/** The chain of custody as the bundle tells it, once its check passed. */
import { createValidator, fromUtf8, readZip, withoutBaseFolder } from '@latchkey/shared'
import { Type } from 'typebox'

const line = createValidator(
  Type.Object({
    atSeconds: Type.Integer(),
    digest: Type.String(),
    event: Type.String(),
    file: Type.String(),
    index: Type.Union([Type.Integer(), Type.Null()]),
    signer: Type.String(),
  }),
)

/** One signed object, and by whom. */
export interface CustodyLine {
  readonly atSeconds: number
  readonly digest: string
  readonly event: string
  /** Of its entry in the log; null for what is not logged itself. */
  readonly index: number | null
  /** Thumbprint of the key. */
  readonly signer: string
}

const PATH = 'data/proof/custody.jsonl'

/** In the order of the log. @param zip of a bundle that passed */
export function custodyOf(zip: Uint8Array): readonly CustodyLine[] {
  const file = withoutBaseFolder(readZip(zip).files).get(PATH)
  if (file === undefined) return []
  const lines = fromUtf8(file).trim().split('\n')
  return lines.map((text): unknown => JSON.parse(text)).filter((value) => line.check(value))
}
