/** The caller of a relay against a real server: streams of lines, bounded answers, conditional requests. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { agencyList, createSigner, createValidator, parseDpop, problemOf, randomBytes } from '@latchkey/shared'
import { anything, createRelayClient, jsonIfChanged, readLines, type RelayClient } from '@latchkey/shared/client'
import { Type } from 'typebox'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { eventually } from '../support/poll.ts'
import { createRelayWorld, enrolAgency } from '../support/relay-world.ts'

const line = createValidator(Type.Object({ n: Type.Integer(), text: Type.String() }, { additionalProperties: false }))
const signer = createSigner(randomBytes(32))

let server: Server
let client: RelayClient
let answer: (request: IncomingMessage, response: ServerResponse) => void
let hungUp: number

beforeEach(async () => {
  hungUp = 0
  server = createServer((request, response) => {
    response.on('close', () => void (hungUp += response.writableFinished ? 0 : 1))
    answer(request, response)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  client = createRelayClient({ origin, signer, nowMs: Date.now })
})
afterEach(() => {
  server.closeAllConnections()
  server.close()
})

async function read(options: { idleMs?: number; signal?: AbortSignal; most?: number } = {}): Promise<unknown[]> {
  const { most = Infinity, ...rest } = options
  const values: unknown[] = []
  for await (const value of readLines(client, '/v1/events', { validator: line, ...rest })) {
    values.push(value)
    if (values.length === most) break
  }
  return values
}

const LINES = [
  { n: 1, text: 'ring' },
  { n: 2, text: 'Grüße 🔔' },
  { n: 3, text: '' },
]
const TEXT = Buffer.from(LINES.map((value) => `${JSON.stringify(value)}\n`).join(''))

describe('a stream of lines', () => {
  test.each([TEXT.length, 7, 1])('is the same in pieces of %i bytes', async (size) => {
    answer = (_, response) => {
      void (async () => {
        for (let at = 0; at < TEXT.length; at += size) {
          await new Promise((resolve) => response.write(TEXT.subarray(at, at + size), resolve))
        }
        response.end()
      })()
    }
    expect(await read()).toEqual(LINES)
  })

  test('is proved by the caller’s key, again when a nonce is asked for', async () => {
    const proofs: string[] = []
    answer = (request, response) => {
      proofs.push(String(request.headers['dpop']))
      response.setHeader('dpop-nonce', 'n'.repeat(32))
      if (proofs.length > 1) return void response.end(TEXT)
      response.writeHead(401, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(problemOf('DPOP_NONCE')))
    }
    expect(await read()).toEqual(LINES)
    const claims = proofs.map((proof) => parseDpop(proof))
    expect(claims.map(({ thumbprint }) => thumbprint)).toEqual([signer.thumbprint, signer.thumbprint])
    expect(claims.map(({ claims: { htm, htu, nonce } }) => ({ htm, htu, nonce }))).toEqual([
      { htm: 'GET', htu: `${client.origin}/v1/events`, nonce: undefined },
      { htm: 'GET', htu: `${client.origin}/v1/events`, nonce: 'n'.repeat(32) },
    ])
  })

  test('that falls silent is given up', async () => {
    answer = (_, response) => void response.write(TEXT)
    await expect(read({ idleMs: 200 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('silent for 200 ms') as string,
    })
    await eventually(() => hungUp === 1, 'the server to see it')
  })

  test('that never begins is given up', async () => {
    answer = () => undefined
    await expect(read({ idleMs: 200 })).rejects.toMatchObject({
      code: 'UNAVAILABLE',
      message: expect.stringContaining('silent for 200 ms') as string,
    })
  })

  test('lives on as long as something comes', async () => {
    const idleMs = 1_000
    answer = (_, response) => {
      let left = 12
      const timer = setInterval(() => {
        response.write(`${JSON.stringify(LINES[0])}\n`)
        if (--left > 0) return
        clearInterval(timer)
        response.end()
      }, idleMs / 6)
    }
    expect((await read({ idleMs })).length).toBe(12)
  })

  test('is let go when the reader stops', async () => {
    answer = (_, response) => void response.write(TEXT)
    expect(await read({ most: 2 })).toEqual(LINES.slice(0, 2))
    await eventually(() => hungUp === 1, 'the server to see it')
  })

  test('ends quietly when the caller says so', async () => {
    const controller = new AbortController()
    answer = (_, response) => {
      response.write(TEXT)
      setTimeout(() => controller.abort(), 50)
    }
    expect(await read({ signal: controller.signal })).toEqual(LINES)
    await eventually(() => hungUp === 1, 'the server to see it')
    expect(await read({ signal: controller.signal })).toEqual([])
  })

  test.each([
    ['MESSAGE_TOO_LARGE', 'has a line without an end', 'x'.repeat(65_537)],
    ['JSON_INVALID', 'holds what is not JSON', '{"n":1,\n'],
    ['JSON_INVALID', 'holds an empty line', '\n'],
    ['JSON_INVALID', 'holds what is not UTF-8', Buffer.from([0x22, 0xff, 0x22, 0x0a])],
    ['MESSAGE_INVALID', 'holds another message', '{"n":1,"text":"a","more":true}\n'],
    ['UNAVAILABLE', 'stops inside a line', '{"n":1,"text":"a"}'],
  ])('is refused as %s when it %s', async (code, _, text) => {
    answer = (__, response) => void response.end(text)
    await expect(read()).rejects.toMatchObject({ code })
  })

  test('that is cut is told apart from one that ended', async () => {
    answer = (_, response) => void response.write(TEXT, () => response.destroy())
    await expect(read()).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('that is refused says why', async () => {
    answer = (_, response) => {
      response.writeHead(403, { 'content-type': 'application/problem+json' })
      response.end(JSON.stringify(problemOf('CALLER_REFUSED')))
    }
    await expect(read()).rejects.toMatchObject({ code: 'CALLER_REFUSED' })
  })
})

describe('an answer', () => {
  /** Writes for as long as somebody reads. */
  const flood = (response: ServerResponse) => {
    const piece = Buffer.alloc(65_536, 0x20)
    const pour = () => {
      while (!response.destroyed && response.write(piece));
      response.once('drain', pour)
    }
    pour()
  }

  test('without an end is read no further than its bound', async () => {
    answer = (_, response) => flood(response)
    await expect(client.bytes('GET', '/log/checkpoint', { maxBytes: 100_000 })).rejects.toMatchObject({
      code: 'MESSAGE_TOO_LARGE',
    })
    await eventually(() => hungUp === 1, 'the server to see it')
    await expect(client.json('GET', '/v1/agencies', anything)).rejects.toMatchObject({ code: 'MESSAGE_TOO_LARGE' })
  })

  test('that refuses without an end is a refusal without a code', async () => {
    answer = (_, response) => flood(response.writeHead(403))
    await expect(client.bytes('GET', '/log/checkpoint')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await eventually(() => hungUp === 1, 'the server to see it')
  })

  test('that breaks off is none', async () => {
    answer = (_, response) => {
      response.writeHead(200, { 'content-length': '100' })
      response.write('half', () => response.destroy())
    }
    await expect(client.bytes('GET', '/log/checkpoint')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })

  test('“not modified” to who has nothing is refused', async () => {
    answer = (_, response) => void response.writeHead(304).end()
    const asking = jsonIfChanged(client, '/v1/agencies', { validator: agencyList, known: null })
    await expect(asking).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
})

describe('a document of a relay', () => {
  test('comes again only when it changed', async () => {
    await using world = await createRelayWorld()
    const ask = (known: string | null) => jsonIfChanged(world.anyone, '/v1/agencies', { validator: agencyList, known })
    const first = await ask(null)
    expect(first!.value.agencies.length).toBe(0)
    expect(await ask(first!.etag)).toBeNull()
    await enrolAgency(world)
    const second = await ask(first!.etag)
    expect(second!.value.agencies.length).toBe(1)
    expect(await ask(second!.etag)).toBeNull()
  })
})
