import { LatchkeyError } from '@latchkey/shared'

/** Which addresses this relay may write to. */
export interface PushServices {
  /** Host names; `*.` in front stands for every name below. */
  readonly hosts: readonly string[]
  /** Push services on this machine too, over plain http. */
  readonly loopback: boolean
}

/** Push services of the browsers that have one. */
export const KNOWN_PUSH_HOSTS: readonly string[] = [
  // Chrome and most of its relatives
  'fcm.googleapis.com',
  // Firefox
  'updates.push.services.mozilla.com',
  // Safari
  'web.push.apple.com',
  // Edge
  '*.notify.windows.com',
]

const LOOPBACK = new Set(['127.0.0.1', '[::1]', 'localhost'])

function isHostOf(pattern: string, host: string): boolean {
  return pattern.startsWith('*.')
    ? host.endsWith(pattern.slice(1)) && host.length > pattern.length - 1
    : host === pattern
}

/**
 * An address that a phone names, if it is one of a push service: a relay that wrote to any address would be anybody's tool to
 * reach what only the relay reaches.
 * Untrusted: `endpoint`.
 * @throws MESSAGE_INVALID
 */
export function parseEndpoint(endpoint: string, { hosts, loopback }: PushServices): URL {
  const refused = () =>
    new LatchkeyError('MESSAGE_INVALID', 'endpoint: not an address of a push service that this relay writes to')
  if (!URL.canParse(endpoint)) throw refused()
  const url = new URL(endpoint)
  if (url.username !== '' || url.password !== '' || url.hash !== '') throw refused()
  if (loopback && LOOPBACK.has(url.hostname)) return url
  if (url.protocol !== 'https:' || url.port !== '') throw refused()
  if (!hosts.some((pattern) => isHostOf(pattern, url.hostname))) throw refused()
  return url
}
