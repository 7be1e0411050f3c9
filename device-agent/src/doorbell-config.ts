import { Exact } from '@latchkey/shared'
import { isAbsolute } from 'node:path'
import { Type, type Static } from 'typebox'
import { DEFAULT_GPIO } from './button/gpio-line.ts'
import { DEFAULT_CHIME_TIMEOUT_MS } from './button/chime.ts'
import { HOME_DEFAULTS } from './home/home-topics.ts'
import {
  AbsolutePath,
  Milliseconds,
  OneOf,
  optional,
  required,
  section,
  Switch,
  Text,
  TextLike,
  Whole,
} from './config-key.ts'

const Gpio = section('A contact on a GPIO line, read by gpiomon', {
  line: optional(
    TextLike('^[A-Za-z0-9_][A-Za-z0-9_.:/+ -]{0,63}$', 'the name of a line, as gpioinfo lists it'),
    'the line by its name, which stays when chips are numbered anew',
    { example: 'GPIO17' },
  ),
  chip: optional(TextLike('^gpiochip[0-9]{1,5}$', 'the name of a chip: gpiochip0'), 'or by its chip', {
    example: 'gpiochip0',
  }),
  offset: optional(Whole(0, 65_535), 'and its offset there', { example: 17 }),
  activeLow: optional(Switch, 'the button pulls the line to ground', { default: DEFAULT_GPIO.activeLow }),
  bias: optional(OneOf('as-is', 'pull-up', 'pull-down', 'disabled'), 'what holds the line while nobody presses', {
    default: DEFAULT_GPIO.bias,
  }),
  debounceMs: optional(Milliseconds(0, 1_000), 'how long the contact must stay closed to count', {
    default: DEFAULT_GPIO.debounceMs,
  }),
})

const Input = section('Or a key of a Linux input device: the gpio-key overlay, a USB button', {
  device: required(AbsolutePath, 'the device; the package names a gpio-key button /dev/input/latchkey-button', {
    example: '/dev/input/latchkey-button',
  }),
  key: optional(Whole(1, 767), 'the code of the one key that rings; any key does without it', { example: 28 }),
})

const Chime = section('What sounds in the house at every ring', {
  command: required(
    Type.Array(Text(0, 1_024), { minItems: 1, maxItems: 32 }),
    'a program by its absolute path, and its arguments; no shell reads them',
    { example: ['/usr/bin/aplay', '--quiet', '/etc/latchkey/chime.wav'] },
  ),
  timeoutMs: optional(Milliseconds(100, 60_000), 'it is ended after this', { default: DEFAULT_CHIME_TIMEOUT_MS }),
})

/** The bell's contact, and what sounds in the house when somebody rings. */
export const ButtonConfig = Exact({ gpio: Gpio, input: Input, chime: Chime })
export type ButtonConfig = Static<typeof ButtonConfig>

const TopicPrefix = TextLike(
  '^[A-Za-z0-9_-]{1,64}(/[A-Za-z0-9_-]{1,64}){0,3}$',
  'up to four levels of letters, digits, - and _',
)

/** The household's own MQTT broker, for Home Assistant. */
export const HomeConfig = Exact({
  broker: required(
    TextLike('^mqtts?://[A-Za-z0-9.:\\[\\]-]{1,255}$', 'mqtts://name:8883 or mqtt://name:1883'),
    'its address, without user and password; with mqtts nobody on the network reads along',
    { example: 'mqtts://homeassistant.local:8883' },
  ),
  usernameFile: optional(AbsolutePath, 'a file whose first line is the name of the user there', {
    example: '/etc/latchkey/home.username',
  }),
  passwordFile: optional(AbsolutePath, 'a file whose first line is the password', {
    example: '/etc/latchkey/home.password',
  }),
  caFile: optional(AbsolutePath, "PEM of the authority that signed the broker's certificate, when it is your own", {
    example: '/etc/latchkey/home-ca.pem',
  }),
  discoveryPrefix: optional(TopicPrefix, 'where Home Assistant looks for devices', {
    default: HOME_DEFAULTS.discoveryPrefix,
  }),
  topicPrefix: optional(TopicPrefix, 'what our topics begin with', { default: HOME_DEFAULTS.topicPrefix }),
  snapshots: optional(Switch, 'a picture per clip goes to the broker, in the clear for everybody who may read there', {
    default: HOME_DEFAULTS.snapshots,
  }),
})
export type HomeConfig = Static<typeof HomeConfig>

/** What a schema cannot say of the household's broker. */
export function homeFindings({ broker, usernameFile, passwordFile, caFile }: HomeConfig): string[] {
  const findings: string[] = []
  if (!URL.canParse(broker)) findings.push('home.broker is not the address of a broker')
  if (passwordFile !== undefined && usernameFile === undefined)
    findings.push('home.passwordFile needs home.usernameFile')
  if (caFile !== undefined && !broker.startsWith('mqtts:')) findings.push('home.caFile is for a broker at mqtts://')
  return findings
}

/** What a schema cannot say of the bell. */
export function buttonFindings({ gpio, input, chime }: ButtonConfig): string[] {
  const findings: string[] = []
  if (gpio !== undefined && input !== undefined) findings.push('button has either gpio or input, not both')
  const isPlace = gpio?.chip !== undefined && gpio.offset !== undefined
  const isHalf = (gpio?.chip === undefined) !== (gpio?.offset === undefined)
  if (gpio !== undefined && (isHalf || isPlace === (gpio.line !== undefined)))
    findings.push('button.gpio needs either line, or chip and offset')
  if (chime !== undefined && !isAbsolute(chime.command[0]!))
    findings.push('button.chime.command must begin with the absolute path of a program')
  return findings
}
