import { LatchkeyError } from '@latchkey/shared'
import type { IncomingHttpHeaders } from 'node:http'
import { BlockList, isIPv6 } from 'node:net'

/**
 * On every answer: nothing but our own files, no frame around us, nothing kept, nothing told to others.
 * @see https://www.w3.org/TR/CSP3/
 */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'",
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-resource-policy': 'same-origin',
  'permissions-policy': 'camera=(), microphone=(), geolocation=()',
  'cache-control': 'no-store',
}

/** Machines of the same house: loopback, RFC 1918, link-local, RFC 4193. */
const HOUSE = new BlockList()
HOUSE.addSubnet('127.0.0.0', 8, 'ipv4')
HOUSE.addSubnet('10.0.0.0', 8, 'ipv4')
HOUSE.addSubnet('172.16.0.0', 12, 'ipv4')
HOUSE.addSubnet('192.168.0.0', 16, 'ipv4')
HOUSE.addSubnet('169.254.0.0', 16, 'ipv4')
HOUSE.addAddress('::1', 'ipv6')
HOUSE.addSubnet('fc00::', 7, 'ipv6')
HOUSE.addSubnet('fe80::', 10, 'ipv6')

/** Is it the address of a machine of this house? Untrusted: `address`. */
export function isHouseAddress(address: string): boolean {
  const plain = address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
  return HOUSE.check(plain, isIPv6(plain) ? 'ipv6' : 'ipv4')
}

/** What a request must show before anything is looked at. */
export interface Visit {
  readonly method: string
  readonly headers: IncomingHttpHeaders
  readonly address: string
  /** `host:port` names under which the page is served. */
  readonly hosts: ReadonlySet<string>
}

/**
 * Refuses strangers' addresses, names that are not ours (a page elsewhere whose name was rebound to this machine), and
 * what another site made a browser send.
 * @throws CALLER_REFUSED
 */
export function assertVisit({ method, headers, address, hosts }: Visit): void {
  if (!isHouseAddress(address)) throw new LatchkeyError('CALLER_REFUSED', 'only from this house')
  const { host = '', origin } = headers
  if (!hosts.has(host)) throw new LatchkeyError('CALLER_REFUSED', 'this page is not served under that name')
  const site = headers['sec-fetch-site']
  const isNavigation = headers['sec-fetch-mode'] === 'navigate' && method === 'GET'
  if (site !== undefined && site !== 'same-origin' && site !== 'none' && !isNavigation)
    throw new LatchkeyError('CALLER_REFUSED', 'only by the page itself')
  const mustSayOrigin = method !== 'GET'
  if ((mustSayOrigin || origin !== undefined) && origin !== `http://${host}`)
    throw new LatchkeyError('CALLER_REFUSED', 'only by the page itself')
}

/** The value of the one cookie called `name`. Untrusted: `header`. */
export function cookieOf(header: string | undefined, name: string): string | undefined {
  const found = (header ?? '').split(';').map((part) => part.trim().split('='))
  return found.find(([key]) => key === name)?.[1]
}
