import { parseArgs } from 'node:util'

/** What `npm start -- …` was asked to do. */
export interface StartOptions {
  readonly help: boolean
  readonly walkthrough: boolean
  /** Where the walkthrough leaves its evidence. */
  readonly out: string | null
  /** A file, an rtsp:// address or a /dev/video device; `null` draws the doorstep scene. */
  readonly camera: string | null
  /** Where state lives; `null` takes the default of this user. */
  readonly data: string | null
  readonly port: number
}

/** Printed by `npm start -- --help`. */
export const HELP = `Latchkey: the doorbell camera that only its owner can open.

  npm start                                  start a relay and a doorbell on this machine, with a drawn camera
  npm start -- --camera SOURCE               the same with a real camera or a video file
  npm start -- --walkthrough --out DIR       one clip from camera to court without a person, then exit

Options
  --camera SOURCE   FILE | rtsp://host/path | /dev/video0; a doorstep scene is drawn when it is left out
  --out DIR         walkthrough: where bundle.zip, keys, trust.json and report.json are left (must be new or empty)
  --data DIR        where relay and agent keep their state (default: /var/lib/latchkey as root, else ~/.local/state/latchkey)
  --port N          port of the relay on 127.0.0.1 (default 8377; the walkthrough takes a free one)
  --help            this text
`

/** The words of a usage error, or the options. */
export function parseStartArguments(args: readonly string[]): StartOptions | { readonly usage: string } {
  try {
    const { values } = parseArgs({
      args: [...args],
      allowPositionals: false,
      options: {
        help: { type: 'boolean', short: 'h', default: false },
        walkthrough: { type: 'boolean', default: false },
        out: { type: 'string' },
        camera: { type: 'string' },
        data: { type: 'string' },
        port: { type: 'string' },
      },
    })
    const port = values.port === undefined ? (values.walkthrough ? 0 : 8377) : Number(values.port)
    if (!Number.isInteger(port) || port < 0 || port > 65_535)
      return { usage: `--port takes a number up to 65535, not ${values.port}` }
    if (values.walkthrough && values.out === undefined) return { usage: '--walkthrough needs --out DIR' }
    if (!values.walkthrough && values.out !== undefined) return { usage: '--out belongs to --walkthrough' }
    return {
      help: values.help,
      walkthrough: values.walkthrough,
      out: values.out ?? null,
      camera: values.camera ?? null,
      data: values.data ?? null,
      port,
    }
  } catch (error) {
    return { usage: error instanceof Error ? error.message : String(error) }
  }
}
