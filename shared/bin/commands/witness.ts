import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { concatBytes } from '../../src/bytes/bytes.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { logTrustOf } from '../../src/tlog/checkpoint.ts'
import { encodeVkey, NOTE_COSIGNATURE, parseSkey } from '../../src/tlog/note-key.ts'
import {
  createWitness,
  encodeCosignatures,
  MAX_ADD_CHECKPOINT_BYTES,
  TLOG_SIZE_TYPE,
  type Witness,
  type WitnessAnswer,
} from '../../src/tlog/witness.ts'
import { type Command, PASSED } from '../command.ts'
import { readText } from '../disk-files.ts'
import { inFile } from '../failure.ts'
import { loadTrust } from '../trust-file.ts'
import { openWitnessFolder } from '../witness-folder.ts'

const PATH = '/add-checkpoint'
const DEFAULT_LISTEN = '127.0.0.1:8380'
/** A log sends one small request at a time. */
const REQUEST_TIMEOUT_MS = 10_000
const MAX_CONNECTIONS = 64

function parseListen(text: string): { host: string; port: number } {
  const [, bracketed, plain, port] = /^(?:\[([0-9a-f:]+)\]|([^:\s]+)):(\d{1,5})$/i.exec(text) ?? []
  const host = bracketed ?? plain
  if (host === undefined || Number(port) > 65_535)
    throw new LatchkeyError('USAGE', `--listen is HOST:PORT, such as ${DEFAULT_LISTEN}, not '${text}'`)
  return { host, port: Number(port) }
}

/** Null when it is larger than any request. */
async function readBody(request: IncomingMessage): Promise<Uint8Array | null> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MAX_ADD_CHECKPOINT_BYTES) return null
    chunks.push(chunk)
  }
  return concatBytes(...chunks)
}

function send(
  response: ServerResponse,
  status: number,
  body: string | Uint8Array,
  type = 'text/plain; charset=utf-8',
): void {
  response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(body)
}

function answer(response: ServerResponse, told: WitnessAnswer): void {
  if (told.status === 200) send(response, 200, encodeCosignatures([told.signature]))
  else if (told.status === 409) send(response, 409, `${told.size}\n`, TLOG_SIZE_TYPE)
  else send(response, told.status, `${told.code}: ${told.message}\n`)
}

/** What an operator sees of each request. */
type Tell = (line: string) => void

const lineOf = (told: WitnessAnswer): string =>
  told.status === 200 ? 'cosigned' : `refused (${told.status}): ${told.message}`

async function add(witness: Witness, request: IncomingMessage, response: ServerResponse, tell: Tell): Promise<void> {
  const body = await readBody(request)
  if (body === null) {
    response.shouldKeepAlive = false
    send(response, 413, 'MESSAGE_TOO_LARGE: no request is so large\n')
    return
  }
  const told = await witness.add(body)
  tell(lineOf(told))
  answer(response, told)
}

async function handle(witness: Witness, request: IncomingMessage, response: ServerResponse, tell: Tell): Promise<void> {
  const path = request.url?.split('?')[0]
  if (request.method === 'GET' && path === '/') send(response, 200, `${encodeVkey(witness.key)}\n`)
  else if (request.method !== 'POST' || path !== PATH) send(response, 404, `NOT_FOUND: POST ${PATH}\n`)
  else await add(witness, request, response, tell)
}

function serve(witness: Witness, tell: Tell): Server {
  const server = createServer({ requestTimeout: REQUEST_TIMEOUT_MS }, (request, response) => {
    handle(witness, request, response, tell).catch((error: unknown) => {
      tell(`failed, nothing was cosigned: ${error instanceof Error ? error.message : String(error)}`)
      if (!response.headersSent) send(response, 500, 'INTERNAL: nothing was cosigned\n')
    })
  })
  server.maxConnections = MAX_CONNECTIONS
  return server
}

async function listen(server: Server, { host, port }: { host: string; port: number }): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(new LatchkeyError('USAGE', `cannot listen on ${host}:${port}`, { cause })))
    server.listen(port, host, resolve)
  })
  const address = server.address() as AddressInfo
  return `http://${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
}

/** `latchkey witness`: cosigns what extends what it has seen, and nothing else. */
export const witness: Command = {
  name: 'witness',
  summary: 'Follows logs and cosigns each checkpoint that extends the one before; runs until it is stopped.',
  operands: [],
  options: {
    key: { value: 'FILE', required: true, help: 'witness.key, made by keygen witness' },
    trust: { value: 'F', required: true, help: 'trust file: the logs in it are followed' },
    state: { value: 'DIR', required: true, help: 'where it remembers; keep it as long as the key' },
    listen: { value: 'HOST:PORT', help: `where relays reach it (default ${DEFAULT_LISTEN}; port 0: a free one)` },
  },
  notes: [
    'It holds no secret but its key and sees nothing but sizes and hashes. Two checkpoints of one size that a log signed',
    'are left in DIR as *.forked-held and *.forked-refused: together they prove to anyone that the log lied.',
    'It speaks plain HTTP: on another machine than the relay put it behind a server that speaks TLS.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const file = given.text('key')
    const skey = await readText(file)
    const signer = await inFile(file, () => parseSkey(skey))
    if (signer.key.type !== NOTE_COSIGNATURE) throw new LatchkeyError('KEY_INVALID', `${file} is not a witness’s key`)
    const { logs } = logTrustOf(await loadTrust(given.text('trust')))
    if (logs.length === 0) throw new LatchkeyError('USAGE', 'the trust file names no log')
    const place = parseListen(given.optional('listen') ?? DEFAULT_LISTEN)
    await using folder = await openWitnessFolder(given.text('state'))
    const tell: Tell = (line) => terminal.print(`${new Date(nowMs()).toISOString()} ${line}`)
    const server = serve(createWitness({ signer, logs, memory: folder.memory, nowMs }), tell)
    const url = await listen(server, place)
    terminal.print(`witness ${encodeVkey(signer.key)}`)
    for (const { name } of logs) terminal.print(`follows ${name}`)
    terminal.print(`listens on ${url}`)
    // Until a signal ends the process: what was answered is on the disk, and there is nothing else to lose.
    await once(server, 'close')
    return PASSED
  },
}
