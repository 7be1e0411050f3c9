import { Exact } from '@latchkey/shared'
import { Type } from 'typebox'
import type { Masks } from '../flow.ts'

const Share = Type.Number({ minimum: 0, maximum: 1 })

/** Shapes of the picture, by name. */
export const MasksConfig = Type.Unsafe<Masks>(
  Type.Record(
    Type.String({ pattern: '^[A-Za-z0-9 _-]{1,40}$' }),
    Exact({ points: Type.Array(Type.Tuple([Share, Share]), { minItems: 3, maxItems: 64 }) }),
    {
      additionalProperties: false,
      maxProperties: 32,
      rule: 'named shapes, each {points: [[x, y], …]} of 3 to 64 points, x and y from 0 to 1',
    },
  ),
)
