import { LatchkeyError } from '@latchkey/shared'
import type { RtspCredentials } from './rtsp-authorization.ts'

/** Where a camera is asked, and by whom. */
export interface RtspAddress {
  readonly host: string
  readonly port: number
  /** For requests: without user and password. */
  readonly address: string
  readonly credentials: RtspCredentials | undefined
}

const DEFAULT_PORT = 554

function decode(text: string): string {
  const plain = decodeURIComponent(text)
  if (/\p{Cc}/u.test(plain)) throw new URIError('control characters')
  return plain
}

/**
 * `rtsp://user:password@host:port/path` → its parts. `url` has been checked (`source.ts`).
 * @throws CONFIG_INVALID without quoting it, for it may hold a password
 * @see RFC 2326 §3.2
 */
export function parseRtspAddress(url: string): RtspAddress {
  try {
    const { hostname, port, username, password } = new URL(url)
    const path = url.replace(/^[^:]+:\/\/[^/?#]*/, '').replace(/#.*$/, '')
    const known = Number(port) || DEFAULT_PORT
    return {
      host: hostname.replace(/^\[(.*)\]$/, '$1'),
      port: known,
      address: `rtsp://${hostname}:${known}${path.replaceAll(/[^\x21\x23-\x7e]+/g, encodeURIComponent)}`,
      credentials:
        username === '' && password === '' ? undefined : { user: decode(username), password: decode(password) },
    }
  } catch {
    throw new LatchkeyError('CONFIG_INVALID', 'camera: not a URL; percent-encode special characters of the password')
  }
}

/** Where `control`, as a description gives it, lies: cameras expect it to be put behind, not resolved. @see RFC 2326 §C.1.1 */
export function controlAddress(base: string, control: string): string {
  if (/^rtsps?:\/\//i.test(control)) return control
  if (control === '' || control === '*') return base
  return base.endsWith('/') ? `${base}${control}` : `${base}/${control}`
}
