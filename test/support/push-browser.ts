/** A browser's half of a push subscription, whose messages an independent implementation opens. */
import { type ECDH, createECDH, randomBytes } from 'node:crypto'
import { createRequire } from 'node:module'

/** The stock implementation of RFC 8188 and RFC 8291, which brings no types. */
const ece = createRequire(import.meta.url)('http_ece') as {
  decrypt(body: Buffer, given: { version: 'aes128gcm'; privateKey: ECDH; authSecret: string }): Buffer
}

/** What a browser keeps and what it tells. */
export interface PushBrowser {
  readonly p256dh: string
  readonly auth: string
  /** The plaintext of a body that was encrypted to this browser. @throws when it was not */
  open(body: Uint8Array): Buffer
}

/** Fresh keys, or these. */
export function createPushBrowser(given?: { readonly privateKey: string; readonly auth: string }): PushBrowser {
  const privateKey = createECDH('prime256v1')
  if (given) privateKey.setPrivateKey(given.privateKey, 'base64url')
  else privateKey.generateKeys()
  const auth = given?.auth ?? randomBytes(16).toString('base64url')
  return {
    p256dh: privateKey.getPublicKey('base64url'),
    auth,
    open: (body) => ece.decrypt(Buffer.from(body), { version: 'aes128gcm', privateKey, authSecret: auth }),
  }
}
