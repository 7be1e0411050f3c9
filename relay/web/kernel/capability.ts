/** Can this browser hold the keys? Asked before anything is made. */

/** What a browser must be able to do, and may. */
export interface Capability {
  readonly name: 'secure' | 'ed25519' | 'x25519' | 'storage' | 'persistent'
  readonly ok: boolean
  /** Without it nothing works; otherwise the owner is told and may go on. */
  readonly needed: boolean
}

async function makesKey(algorithm: 'Ed25519' | 'X25519', usages: KeyUsage[]): Promise<boolean> {
  try {
    const keys = (await crypto.subtle.generateKey(algorithm, false, usages)) as CryptoKeyPair
    return !keys.privateKey.extractable
  } catch {
    return false
  }
}

async function keepsData(): Promise<boolean> {
  try {
    const probe = indexedDB.open('latchkey-probe')
    await new Promise((resolve, reject) => {
      probe.onsuccess = resolve
      probe.onerror = reject
    })
    probe.result.close()
    indexedDB.deleteDatabase('latchkey-probe')
    return true
  } catch {
    return false
  }
}

/** Asks the browser to keep what the app stores even when space is short. It may say no without asking anybody. */
export async function askToPersist(): Promise<boolean> {
  try {
    return (await navigator.storage.persisted()) || (await navigator.storage.persist())
  } catch {
    return false
  }
}

/** Tries each capability for real. */
export async function probeBrowser(): Promise<readonly Capability[]> {
  const secure = isSecureContext
  const [ed25519, x25519, storage] = secure
    ? await Promise.all([makesKey('Ed25519', ['sign']), makesKey('X25519', ['deriveBits']), keepsData()])
    : [false, false, false]
  return [
    { name: 'secure', ok: secure, needed: true },
    { name: 'ed25519', ok: ed25519, needed: true },
    { name: 'x25519', ok: x25519, needed: true },
    { name: 'storage', ok: storage, needed: true },
    { name: 'persistent', ok: storage && (await askToPersist()), needed: false },
  ]
}
