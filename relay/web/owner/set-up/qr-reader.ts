/** Reads QR codes from pictures: by the browser where it can, by a decoder that is loaded for it where it cannot. */

/** The text of a code in the picture; `null` when there is none that can be read. */
export type QrReader = (picture: ImageData) => Promise<string | null>

/** Of Shape Detection, which TypeScript does not know yet. */
interface BarcodeReader {
  detect(picture: ImageData): Promise<readonly { readonly rawValue: string }[]>
}
interface BarcodeReaderClass {
  new (options: { formats: readonly string[] }): BarcodeReader
  getSupportedFormats(): Promise<readonly string[]>
}

const FORMAT = 'qr_code'

async function createBrowserReader(): Promise<QrReader | null> {
  const { BarcodeDetector } = globalThis as { BarcodeDetector?: BarcodeReaderClass }
  if (BarcodeDetector === undefined || !(await BarcodeDetector.getSupportedFormats()).includes(FORMAT)) return null
  const detector = new BarcodeDetector({ formats: [FORMAT] })
  return async (picture) => (await detector.detect(picture))[0]?.rawValue ?? null
}

async function loadReader(): Promise<QrReader> {
  const { decodeQR } = await import('qr/decode.js')
  return async (picture) => {
    try {
      return decodeQR(picture)
    } catch {
      // It throws for every picture without a code.
      return null
    }
  }
}

/** The best reader that this browser has. @throws when the decoder cannot be fetched */
export async function createQrReader(): Promise<QrReader> {
  return (await createBrowserReader().catch(() => null)) ?? loadReader()
}
