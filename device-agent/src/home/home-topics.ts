import { digestOf, utf8 } from '@latchkey/shared'

/** What holds where the configuration says nothing; the first is Home Assistant's own. */
export const HOME_DEFAULTS = { discoveryPrefix: 'homeassistant', topicPrefix: 'latchkey', snapshots: false } as const

/** What is told of each part of the agent. */
export const HOME_ROLES = ['camera', 'recorder', 'uploader', 'button', 'clock'] as const
/** A part of the agent. */
export type HomeRole = (typeof HOME_ROLES)[number]

/** The topics of one doorbell at the household's broker. */
export interface HomeTopics {
  /** Where Home Assistant finds what the doorbell is. */
  readonly discovery: string
  /** Where Home Assistant says that it has started. */
  readonly birth: string
  readonly available: string
  readonly status: Readonly<Record<HomeRole, string>>
  readonly ring: string
  readonly motion: string
  readonly picture: string
  readonly health: string
  readonly privacy: { readonly state: string; readonly set: string }
}

/**
 * How the household's broker knows a device: stable over pairings, and of no use to anybody who knows it from the relay.
 * @param thumbprint of the device key
 * @returns 16 letters and digits, fit for a topic and for Home Assistant
 */
export function homeIdOf(thumbprint: string): string {
  return Buffer.from(digestOf(utf8(`latchkey/v1/home\0${thumbprint}`)), 'base64url')
    .toString('hex')
    .slice(0, 16)
}

/** Topics go by the device's id, never by its name, which may change. */
export function homeTopics(id: string, prefixes: { readonly topic: string; readonly discovery: string }): HomeTopics {
  const base = `${prefixes.topic}/${id}`
  const status = Object.fromEntries(HOME_ROLES.map((role) => [role, `${base}/status/${role}`]))
  return {
    discovery: `${prefixes.discovery}/device/${id}/config`,
    birth: `${prefixes.discovery}/status`,
    available: `${base}/available`,
    status: status as Record<HomeRole, string>,
    ring: `${base}/ring`,
    motion: `${base}/motion`,
    picture: `${base}/picture`,
    health: `${base}/health`,
    privacy: { state: `${base}/privacy/state`, set: `${base}/privacy/set` },
  }
}

/** Every topic at which something may lie retained: what is to be emptied when the doorbell leaves. */
export function retainedTopics(topics: HomeTopics): readonly string[] {
  const { discovery, available, status, motion, picture, health, privacy } = topics
  return [discovery, available, ...Object.values(status), motion, picture, health, privacy.state]
}
