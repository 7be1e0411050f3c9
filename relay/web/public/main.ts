/** Serves the public record of any relay: its operator's, or anybody's who wants to read it with their own eyes. */
import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { LatchkeyError, parseWith, trust as trustValidator, type Trust } from '@latchkey/shared'
import { createPublicRelay } from '@latchkey/shared/monitor'
import { createRecordKeeper } from './record.ts'
import { keepLooking } from './record-watch.ts'
import { serveRecord } from './record-server.ts'

const HELP = `The public record of a Latchkey relay, as web pages.

  node relay/web/public/main.ts --relay URL --trust FILE [--listen HOST:PORT] [--origin URL]

  --relay URL          public origin of the relay whose log is read
  --trust FILE         trust file: its logs and witnesses are the only ones believed
  --listen HOST:PORT   where the pages are served (default 127.0.0.1:8380); put TLS in front of it
  --origin URL         what readers type: the links of the feed begin with it
  --every SECONDS      how long between two looks at the relay (default 15)
  --help               this text

It reads what anyone can read, judges every answer of the relay again, and needs no key and no leave.
Exit codes: 0 stopped in order, 1 failed, 2 wrong usage.
`

const usage = (message: string) => new LatchkeyError('USAGE', message)

function parseListen(text: string): { host: string; port: number } {
  const [, host, port] = /^(\[[0-9a-f:]+\]|[a-z0-9.-]+):(\d{1,5})$/i.exec(text) ?? []
  if (host === undefined || Number(port) > 65_535) throw usage(`--listen takes HOST:PORT, not ${text}`)
  return { host: host.replaceAll(/[[\]]/g, ''), port: Number(port) }
}

function parseHttpOrigin(name: string, text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol) || (url.pathname !== '/' && url.pathname !== ''))
    throw usage(`--${name} takes an origin such as https://relay.example, not ${text}`)
  return url.origin
}

async function loadTrust(path: string): Promise<Trust> {
  const text = await readFile(path, 'utf8').catch((cause: unknown) => {
    throw new LatchkeyError('USAGE', `cannot read the trust file ${path}`, { cause })
  })
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch (cause) {
    throw new LatchkeyError('JSON_INVALID', `${path} is not JSON`, { cause })
  }
  return parseWith(trustValidator, value, 'trust file')
}

function parseWords(args: string[]) {
  try {
    const text = { type: 'string' } as const
    const { values } = parseArgs({
      args,
      options: { relay: text, trust: text, listen: text, origin: text, every: text, help: { type: 'boolean' } },
    })
    return values
  } catch (error) {
    throw usage((error as Error).message)
  }
}

function parseSeconds(text: string): number {
  if (!/^[1-9]\d{0,5}$/.test(text)) throw usage(`--every takes whole seconds, not ${text}`)
  return Number(text)
}

async function run(args: string[]): Promise<void> {
  const given = parseWords(args)
  if (given.help) {
    process.stdout.write(HELP)
    return
  }
  if (given.relay === undefined || given.trust === undefined) throw usage('--relay and --trust are needed')
  const origin = parseHttpOrigin('relay', given.relay)
  const { host, port } = parseListen(given.listen ?? '127.0.0.1:8380')
  const publicOrigin = given.origin === undefined ? {} : { publicOrigin: parseHttpOrigin('origin', given.origin) }
  const everyMs = parseSeconds(given.every ?? '15') * 1000
  const nowMs = Date.now
  const relay = createPublicRelay(origin, nowMs)
  const keeper = await createRecordKeeper({ origin, relay, trust: await loadTrust(given.trust), nowMs })
  const stop = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => stop.abort())
  await using server = await serveRecord({ keeper, relay, host, port, nowMs, ...publicOrigin })
  process.stdout.write(`public record of ${origin}: ${server.origin}\n`)
  await keepLooking(keeper, { everyMs, signal: stop.signal, say: (line) => process.stderr.write(`${line}\n`) })
}

try {
  await run(process.argv.slice(2))
} catch (error) {
  const code = error instanceof LatchkeyError ? error.code : 'INTERNAL'
  process.stderr.write(`${code}: ${(error as Error).message}\n${code === 'USAGE' ? `\n${HELP}` : ''}`)
  process.exitCode = code === 'USAGE' ? 2 : 1
}
