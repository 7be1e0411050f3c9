/**
 * What Home Assistant asks of a device discovery message, in our own words and stricter: it strips keys it does not
 * know, where a misspelt one of ours is an error here.
 * @see home-assistant/core, components/mqtt: schemas.py (device, origin, availability, shared options), event.py,
 * binary_sensor.py, image.py, switch.py, sensor.py, abbreviations.py; home-assistant.io, integrations/mqtt ("MQTT
 * Discovery"), event.mqtt, image.mqtt, sensor.mqtt; developers.home-assistant.io, core/entity/event ("Doorbell")
 */
import { Exact } from '@latchkey/shared'
import { Type, type TProperties, type TSchema } from 'typebox'
import { Value } from 'typebox/value'

const Text = Type.String({ minLength: 1 })
const SubscribeTopic = Type.String({ pattern: '^[^#+\\u0000]{1,200}$' })
const PublishTopic = SubscribeTopic
const Template = Type.String({ pattern: '^\\{\\{ .+ \\}\\}$' })
const optional = (properties: TProperties): TProperties =>
  Object.fromEntries(Object.entries(properties).map(([key, schema]) => [key, Type.Optional(schema)]))

const availability = optional({
  availability: Type.Array(
    Exact({
      topic: SubscribeTopic,
      ...optional({ payload_available: Text, payload_not_available: Text, value_template: Template }),
    }),
    { minItems: 1 },
  ),
  availability_mode: Type.Enum(['all', 'any', 'latest']),
  availability_topic: SubscribeTopic,
  availability_template: Template,
  payload_available: Text,
  payload_not_available: Text,
})

const Qos = Type.Enum([0, 1, 2])

/** Entities of a device discovery need a `unique_id`. */
const entity = {
  unique_id: Text,
  ...optional({
    name: Type.Union([Text, Type.Null()]),
    icon: Type.String({ pattern: '^[a-z]+:[a-z0-9-]+$' }),
    entity_category: Type.Enum(['config', 'diagnostic']),
    enabled_by_default: Type.Boolean(),
    default_entity_id: Text,
    json_attributes_topic: SubscribeTopic,
    json_attributes_template: Template,
    qos: Qos,
    encoding: Type.String(),
  }),
  ...availability,
}

const BINARY_SENSOR_CLASSES = ['connectivity', 'motion', 'occupancy', 'problem', 'running', 'update']
const DATA_SIZES = ['bit', 'kbit', 'Mbit', 'Gbit', 'B', 'kB', 'MB', 'GB', 'TB', 'KiB', 'MiB', 'GiB', 'TiB']

const PLATFORMS: Readonly<Record<string, TSchema>> = {
  event: Exact({
    ...entity,
    state_topic: SubscribeTopic,
    event_types: Type.Array(Text, { minItems: 1 }),
    ...optional({ device_class: Type.Enum(['button', 'doorbell', 'motion']), value_template: Template }),
  }),
  binary_sensor: Exact({
    ...entity,
    state_topic: SubscribeTopic,
    ...optional({
      device_class: Type.Enum(BINARY_SENSOR_CLASSES),
      payload_on: Text,
      payload_off: Text,
      value_template: Template,
      off_delay: Type.Integer({ minimum: 0 }),
      expire_after: Type.Integer({ minimum: 0 }),
      force_update: Type.Boolean(),
    }),
  }),
  image: Exact({
    ...entity,
    ...optional({
      content_type: Type.String({ pattern: '^image/' }),
      image_topic: SubscribeTopic,
      image_encoding: Type.Literal('b64'),
      url_topic: SubscribeTopic,
      url_template: Template,
    }),
  }),
  switch: Exact({
    ...entity,
    command_topic: PublishTopic,
    ...optional({
      state_topic: SubscribeTopic,
      device_class: Type.Enum(['outlet', 'switch']),
      payload_on: Text,
      payload_off: Text,
      state_on: Text,
      state_off: Text,
      optimistic: Type.Boolean(),
      retain: Type.Boolean(),
      value_template: Template,
    }),
  }),
  sensor: Exact({
    ...entity,
    state_topic: SubscribeTopic,
    ...optional({
      device_class: Type.Enum(['data_size', 'duration', 'enum', 'timestamp']),
      state_class: Type.Enum(['measurement', 'total', 'total_increasing']),
      unit_of_measurement: Text,
      options: Type.Array(Text, { minItems: 1 }),
      suggested_display_precision: Type.Integer({ minimum: 0 }),
      value_template: Template,
      expire_after: Type.Integer({ minimum: 0 }),
      force_update: Type.Boolean(),
    }),
  }),
}

const Root = Exact({
  device: Exact({
    ...optional({
      identifiers: Type.Array(Text, { minItems: 1 }),
      connections: Type.Array(Type.Tuple([Text, Text]), { minItems: 1 }),
      name: Text,
      manufacturer: Text,
      model: Text,
      model_id: Text,
      sw_version: Text,
      hw_version: Text,
      serial_number: Text,
      suggested_area: Text,
      via_device: Text,
      configuration_url: Text,
    }),
  }),
  origin: Exact({ name: Text, ...optional({ sw_version: Text, support_url: Text }) }),
  components: Type.Record(Type.String({ pattern: '^[a-zA-Z0-9_-]+$' }), Type.Object({ platform: Text })),
  ...availability,
  ...optional({ state_topic: SubscribeTopic, command_topic: PublishTopic, qos: Qos, encoding: Type.String() }),
})

/** Those that we use; a short form that is none stays as it is, and is refused as an unknown key. */
const SHORT = { dev: 'device', o: 'origin', cmps: 'components', avty: 'availability' }
const SHORT_DEVICE = {
  ids: 'identifiers',
  cns: 'connections',
  mf: 'manufacturer',
  mdl: 'model',
  sw: 'sw_version',
  hw: 'hw_version',
  sn: 'serial_number',
  sa: 'suggested_area',
  cu: 'configuration_url',
}
const SHORT_ORIGIN = { sw: 'sw_version', url: 'support_url' }
const SHORT_COMPONENT = { p: 'platform', uniq_id: 'unique_id', dev_cla: 'device_class', stat_t: 'state_topic' }

type Members = Record<string, unknown>
/** A component, its names written out. */
export type Component = Members & { readonly platform: string }

const long = (members: Members, names: Readonly<Record<string, string>>): Members =>
  Object.fromEntries(Object.entries(members).map(([key, value]) => [names[key] ?? key, value]))

/** A discovery message with every name written out. */
export function parseDiscovery(text: string): Members & { readonly components: Readonly<Record<string, Component>> } {
  const root = long(JSON.parse(text) as Members, SHORT)
  const components = Object.entries(root['components'] as Record<string, Members>).map(([key, component]) => [
    key,
    long(component, SHORT_COMPONENT),
  ])
  return {
    ...root,
    device: long(root['device'] as Members, SHORT_DEVICE),
    origin: long(root['origin'] as Members, SHORT_ORIGIN),
    components: Object.fromEntries(components) as Record<string, Component>,
  }
}

const complaints = (schema: TSchema, value: unknown, where: string): string[] =>
  [...Value.Errors(schema, value)].map(({ instancePath, message }) => `${where}${instancePath}: ${message}`)

/** What a schema cannot say of one component. */
function ruleComplaints(key: string, component: Component): string[] {
  const has = (name: string) => component[name] !== undefined
  const wrong: string[] = []
  const { device_class: kind, state_class: stateClass, unit_of_measurement: unit } = component
  if (component.platform === 'event' && kind === 'doorbell' && !(component['event_types'] as string[]).includes('ring'))
    wrong.push('a doorbell must offer ring')
  if (component.platform === 'image' && has('image_topic') === has('url_topic'))
    wrong.push('an image needs image_topic or url_topic')
  if (component.platform === 'image' && has('url_topic') && has('content_type'))
    wrong.push('content_type is not for url_topic')
  if (has('options') !== (kind === 'enum')) wrong.push('options belong to an enum')
  if (kind === 'enum' && (stateClass !== undefined || unit !== undefined))
    wrong.push('an enum has no class and no unit')
  if (kind === 'data_size' && !DATA_SIZES.includes(unit as string)) wrong.push('a size needs its unit')
  if (has('availability') && has('availability_topic')) wrong.push('availability is said twice')
  return wrong.map((complaint) => `${key}: ${complaint}`)
}

/** Everything that Home Assistant would not take of a discovery message; empty when it takes it all. */
export function checkDiscovery(topic: string, text: string): string[] {
  const root = parseDiscovery(text)
  const found = complaints(Root, root, 'root')
  if (!/^[^#+]+\/device\/([a-zA-Z0-9_-]+\/)?[a-zA-Z0-9_-]+\/config$/.test(topic)) found.push('the topic')
  const device = root['device'] as Members
  if (device['identifiers'] === undefined && device['connections'] === undefined) found.push('nothing identifies it')
  const ids = Object.values(root.components).flatMap(({ unique_id: id }) => (id === undefined ? [] : [id]))
  if (new Set(ids).size !== ids.length) found.push('two entities have one unique_id')
  for (const [key, component] of Object.entries(root.components)) {
    const { platform, ...rest } = component
    const schema = PLATFORMS[platform]
    if (schema === undefined) found.push(`${key}: no such platform`)
    // Nothing but the platform: to be removed.
    else if (Object.keys(rest).length > 0)
      found.push(...complaints(schema, rest, key), ...ruleComplaints(key, component))
  }
  return found
}

/** `{{ value_json.a.b }}` of a message, as Home Assistant would show it: null is unknown. */
export function renderPath(template: string, message: string): unknown {
  const path = /^\{\{ value_json\.([a-z_.]+) \}\}$/.exec(template)?.[1]
  if (path === undefined) throw new Error(`not a plain path: ${template}`)
  return path.split('.').reduce<unknown>((value, name) => (value as Members)[name], JSON.parse(message))
}
