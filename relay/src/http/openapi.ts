import { Problem } from '@latchkey/shared'
import type { FastifyDynamicSwaggerOptions } from '@fastify/swagger'
import type { FastifySchema } from 'fastify'
import type { TSchema } from 'typebox'
import type { MediaAnswer, Route } from './route.ts'

/** The description at `/v1/openapi.json` is made from the very schemas that check requests. */
export const OPENAPI: FastifyDynamicSwaggerOptions = {
  openapi: {
    openapi: '3.1.0',
    info: {
      title: 'Latchkey relay',
      version: '1',
      description: 'Stores sealed video that it cannot open, and releases it only against an owner-signed consent.',
    },
    components: {
      securitySchemes: {
        dpop: { type: 'apiKey', in: 'header', name: 'DPoP', description: 'RFC 9449 proof, no access token' },
      },
    },
  },
}

function isMedia(answer: TSchema | MediaAnswer): answer is MediaAnswer {
  return 'mediaType' in answer
}

function answerSchema(answer: TSchema | MediaAnswer): unknown {
  if (!isMedia(answer)) return answer
  return {
    description: 'bytes',
    content: { [answer.mediaType]: { schema: { type: 'string', format: 'binary' } } },
  }
}

/** A route's schemas in fastify's form, problems added. */
export function fastifySchemaOf(route: Route<never>): FastifySchema {
  const { summary, params, query, body, answers } = route.schema
  const responses = Object.entries(answers).map(([status, answer]) => [status, answerSchema(answer)])
  const isPublic = route.callers.includes('anyone')
  return {
    summary,
    description: `Callers: ${route.callers.join(', ')}.`,
    ...(isPublic ? {} : { security: [{ dpop: [] }] }),
    ...(route.bodyType === 'none'
      ? {}
      : { consumes: [route.bodyType === 'json' ? 'application/json' : 'application/octet-stream'] }),
    ...(params ? { params } : {}),
    ...(query ? { querystring: query } : {}),
    ...(body ? { body } : {}),
    response: { ...Object.fromEntries(responses), '4xx': Problem, '5xx': Problem },
  }
}
