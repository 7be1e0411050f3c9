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
  /** `null` takes the usual one; 0 a free one. */
  readonly port: number | null
  /** Walkthrough: what is run as `latchkey-agent`; `null` takes this checkout's. */
  readonly doorbell: string | null
  /** Live: pairs an owner whose keys lie on this disk, instead of waiting for a person with a browser. */
  readonly demoOwner: boolean
  /** Asks the owner of a relay that runs on the same data, then exits. */
  readonly ask: boolean
  /** Where is asked about, as typed; `null` takes the demo's home. */
  readonly at: string | null
}

/** Printed by `npm start -- --help`. */
export const HELP = `Latchkey: the doorbell camera that only its owner can open.

  npm start                                  start a relay, a doorbell with a drawn camera and the owner's phone app on
                                             this machine; the address it prints makes you the owner
  npm start -- --camera SOURCE               the same with a real camera or a video file
  npm start -- --ask --at LAT,LON            while it runs: the demo's investigator asks the people around that place
  npm start -- --walkthrough --out DIR       one clip from camera to court without a person, then exit

Options
  --camera SOURCE   FILE | rtsp://host/path | /dev/video0 (without --walkthrough also rpicam); a doorstep scene is drawn
                    when it is left out
  --out DIR         walkthrough: where bundle.zip, keys, trust.json and report.json are left (must be new or empty)
  --data DIR        where relay and doorbell keep their state (default: /var/lib/latchkey as root,
                    else ~/.local/state/latchkey)
  --port N          port of the relay on 127.0.0.1, 0 for a free one (default: the one this data was paired at,
                    else 8377; the walkthrough takes a free one)
  --demo-owner      pair an owner by program, with keys on this disk, instead of waiting for you to open the phone app
  --at LAT,LON      ask: the middle of the block that is asked about (default: the demo's home, 47.6,-122.3)
  --doorbell FILE   walkthrough: run this program as latchkey-agent, which may be one that is installed elsewhere
  --help            this text

Exit codes: 0 done or stopped by Ctrl-C, 1 failed, 2 wrong usage, 130 the walkthrough was interrupted.
`

/** @returns `undefined` when it is not a port number */
function parsePort(text: string | undefined): number | null | undefined {
  if (text === undefined) return null
  return /^\d{1,5}$/.test(text) && Number(text) <= 65_535 ? Number(text) : undefined
}

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
        doorbell: { type: 'string' },
        'demo-owner': { type: 'boolean', default: false },
        ask: { type: 'boolean', default: false },
        at: { type: 'string' },
      },
    })
    const { help, walkthrough, ask, out = null, camera = null, data = null, doorbell = null, at = null } = values
    const port = parsePort(values.port)
    if (port === undefined) return { usage: `--port takes a number up to 65535, not ${values.port}` }
    for (const [name, value] of Object.entries({ out, camera, data, doorbell, at }))
      if (value === '') return { usage: `--${name} takes a value, not nothing` }
    if (!help && walkthrough && out === null) return { usage: '--walkthrough needs --out DIR' }
    if (!help && !walkthrough && out !== null) return { usage: '--out belongs to --walkthrough' }
    if (!help && !walkthrough && doorbell !== null) return { usage: '--doorbell belongs to --walkthrough' }
    const demoOwner = values['demo-owner']
    if (!help && walkthrough && demoOwner) return { usage: '--demo-owner belongs to npm start without --walkthrough' }
    if (!help && at !== null && !ask) return { usage: '--at belongs to --ask' }
    if (!help && ask && (walkthrough || demoOwner || camera !== null || port !== null))
      return { usage: '--ask takes --at and --data only' }
    return { help, walkthrough, out, camera, data, port, doorbell, demoOwner, ask, at }
  } catch (error) {
    return { usage: error instanceof Error ? error.message : String(error) }
  }
}
