import { LatchkeyError } from '@latchkey/shared'
import { parseOptions } from '../command-options.ts'
import { DEFAULT_CONFIG_PATH } from '../command.ts'

/** What `latchkey-agent setup` takes. */
const OPTIONS = {
  config: { type: 'string', default: DEFAULT_CONFIG_PATH },
  yes: { type: 'boolean', default: false },
  overwrite: { type: 'boolean', default: false },
  camera: { type: 'string' },
  'camera-user': { type: 'string' },
  'camera-password-file': { type: 'string' },
  name: { type: 'string' },
  relay: { type: 'string' },
  page: { type: 'string' },
  button: { type: 'string' },
  'data-dir': { type: 'string' },
  'pair-only': { type: 'boolean', default: false },
  'no-pair': { type: 'boolean', default: false },
  'no-start': { type: 'boolean', default: false },
} as const

/** The options as typed. */
export const parseSetupOptions = (args: readonly string[]) => {
  const options = parseOptions(args, { command: 'setup', options: OPTIONS })
  if (options['pair-only'] && options['no-pair'])
    throw new LatchkeyError('USAGE', '--pair-only and --no-pair leave nothing to do')
  return options
}
export type SetupOptions = ReturnType<typeof parseSetupOptions>

/** `relay.example` → `https://relay.example`. Untrusted: `text`. @throws USAGE saying what is wrong */
export function parseRelayOrigin(text: string): string {
  const full = /^[a-z]+:\/\//i.test(text) ? text : `https://${text}`
  if (!URL.canParse(full)) throw new LatchkeyError('USAGE', 'not an address; like https://relay.example')
  const { protocol, origin, hostname, pathname, username, search } = new URL(full)
  const local = hostname === 'localhost' || hostname === '[::1]' || hostname.startsWith('127.')
  if (protocol !== 'https:' && !(protocol === 'http:' && local))
    throw new LatchkeyError('USAGE', 'it must begin with https://')
  if (pathname !== '/' || search !== '' || username !== '')
    throw new LatchkeyError('USAGE', 'only the name, and a port if need be, without a path')
  return origin
}

/** Configuration values of the button, by key. */
export type ButtonValues = Readonly<Record<string, string | number>>

/**
 * `none`, `gpio:LINE`, `gpio:gpiochip0/17` or `input:/dev/input/…`. Untrusted: `text`.
 * @throws USAGE saying what is expected
 */
export function parseButton(text: string): ButtonValues {
  if (text === 'none') return {}
  const place = /^gpio:(gpiochip\d{1,5})\/(\d{1,5})$/.exec(text)
  if (place) return { 'button.gpio.chip': place[1]!, 'button.gpio.offset': Number(place[2]) }
  const line = /^gpio:([A-Za-z0-9_][A-Za-z0-9_.:/+ -]{0,63})$/.exec(text)
  if (line) return { 'button.gpio.line': line[1]! }
  const device = /^input:(\/dev\/\S{1,200})$/.exec(text)
  if (device) return { 'button.input.device': device[1]! }
  throw new LatchkeyError('USAGE', 'none, gpio:LINE, gpio:gpiochip0/17 or input:/dev/input/…')
}

/**
 * A camera's address with user and password. The parts are what a person types: they are encoded here.
 * @throws CONFIG_INVALID when it is no RTSP address
 */
export function withCredentials(address: string, { user, password }: { user: string; password: string }): string {
  if (!URL.canParse(address))
    throw new LatchkeyError('CONFIG_INVALID', 'not an address; like rtsp://192.168.1.20/stream1')
  const [scheme, rest] = address.split('://') as [string, string]
  return `${scheme}://${encodeURIComponent(user)}:${encodeURIComponent(password)}@${rest}`
}

/** An address without what is secret in it, and the secret. Untrusted: `address`. */
export function splitCredentials(address: string): {
  readonly address: string
  readonly user: string
  readonly password: string
} {
  if (!URL.canParse(address)) return { address, user: '', password: '' }
  const { username, password, protocol } = new URL(address)
  if (username === '' && password === '') return { address, user: '', password: '' }
  const rest = address.slice(address.indexOf('@') + 1)
  return { address: `${protocol}//${rest}`, user: decodeURIComponent(username), password: decodeURIComponent(password) }
}
