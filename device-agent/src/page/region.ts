import { createValidator, Exact, LatchkeyError } from '@latchkey/shared'
import { Type, type Static } from 'typebox'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** A named polygon on the picture: where motion counts, where it does not, or what is never recorded. */
export const Region = Exact({
  name: Type.String({ minLength: 1, maxLength: 40 }),
  role: Type.Enum(['include', 'exclude', 'mask']),
  points: Type.Array(Type.Tuple([Share, Share]), { minItems: 3, maxItems: 64 }),
})
export type Region = Static<typeof Region>

/** What the page sends: all regions as they shall be, over the file as it was when the page read it. */
export const RegionChange = Exact({
  revision: Type.String({ maxLength: 64 }),
  regions: Type.Array(Region, { maxItems: 48 }),
})
export type RegionChange = Static<typeof RegionChange>
export const regionChange = createValidator(RegionChange)

/** Thousandths are finer than a picture's points: what a hand drew needs no more. */
const share = (value: number): number => Math.round(value * 1_000) / 1_000

type Points = readonly (readonly [number, number])[]

/** As the configuration file has it. */
export interface RegionSections {
  readonly zones: Readonly<Record<string, { readonly kind: 'include' | 'exclude'; readonly points: Points }>>
  readonly masks: Readonly<Record<string, { readonly points: Points }>>
}

/** Regions → the file's two sections. @throws CONFIG_INVALID when two have one name */
export function sectionsOf(regions: readonly Region[]): RegionSections {
  const zones = new Map<string, RegionSections['zones'][string]>()
  const masks = new Map<string, RegionSections['masks'][string]>()
  for (const { name, role, points: drawn } of regions) {
    const points = drawn.map(([x, y]) => [share(x), share(y)] as const)
    if ((role === 'mask' ? masks : zones).has(name))
      throw new LatchkeyError('CONFIG_INVALID', `two ${role === 'mask' ? 'masks' : 'zones'} have the same name`)
    if (role === 'mask') masks.set(name, { points })
    else zones.set(name, { kind: role, points })
  }
  return { zones: Object.fromEntries(zones), masks: Object.fromEntries(masks) }
}

/** The file's sections → regions, in the file's order. */
export function regionsOf({ zones, masks }: RegionSections): Region[] {
  const copy = (points: Points): [number, number][] => points.map(([x, y]) => [x, y])
  return [
    ...Object.entries(zones).map(([name, { kind, points }]) => ({ name, role: kind, points: copy(points) })),
    ...Object.entries(masks).map(([name, { points }]) => ({ name, role: 'mask' as const, points: copy(points) })),
  ]
}
