/**
 * The raw cryptography, one synchronous implementation per platform: `node/node-primitives.ts` (OpenSSL) and
 * `noble-primitives.ts` (everywhere else). Which one runs is chosen once, by the `#primitives` import condition of
 * `package.json`. A differential test holds them, and the openssl program, to the same answers.
 */
export interface Primitives {
  /** `size` random bytes from the platform's CSPRNG. */
  randomBytes(size: number): Uint8Array
  /** SHA-256 of the concatenated parts, 32 bytes. */
  sha256(...parts: readonly Uint8Array[]): Uint8Array
  /** HMAC-SHA-256 of the concatenated parts, 32 bytes. @see RFC 2104 */
  hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Uint8Array
  /** HKDF-SHA-256, `size` bytes. @see RFC 5869 */
  hkdfSha256(secret: Uint8Array, salt: Uint8Array, info: string, size: number): Uint8Array
  /**
   * ChaCha20-Poly1305: writes ciphertext and the 16-byte tag into `target`, which has exactly their length.
   * @see RFC 8439 §2.8
   */
  chachaSealInto(target: Uint8Array, key: Uint8Array, nonce: Uint8Array, plaintext: Uint8Array): void
  /** Inverse of `chachaSealInto`; `null` when the tag does not verify. */
  chachaOpen(key: Uint8Array, nonce: Uint8Array, sealed: Uint8Array): Uint8Array | null
  /** X25519 public key of a 32-byte secret. @see RFC 7748 §6.1 */
  x25519Public(secret: Uint8Array): Uint8Array
  /** X25519 shared secret; `null` when it is all zero (a small-order public key). @see RFC 7748 §6.1 */
  x25519Shared(secret: Uint8Array, publicKey: Uint8Array): Uint8Array | null
  /**
   * A fresh key pair that is used once and forgotten: its public half, and what it shares with `publicKey`; `null` for a
   * small-order one. @see RFC 7748 §6.1
   */
  x25519Ephemeral(publicKey: Uint8Array): { share: Uint8Array; shared: Uint8Array } | null
  /** Ed25519 public key of a 32-byte seed. @see RFC 8032 §5.1.5 */
  ed25519Public(seed: Uint8Array): Uint8Array
  /** Ed25519 signature, 64 bytes. @see RFC 8032 §5.1.6 */
  ed25519Sign(seed: Uint8Array, message: Uint8Array): Uint8Array
  /**
   * Cofactorless Ed25519 verification of a key and signature whose *encodings were already checked*; call
   * `verifyEd25519` of `ed25519.ts` instead. @see RFC 8032 §5.1.7
   */
  ed25519VerifyUnchecked(publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean
}
