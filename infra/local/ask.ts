/** `npm start -- --ask`: the demo's investigator asks the owner of a relay that runs. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { LatchkeyError, policy as policyValidator, type Vertex } from '@latchkey/shared'
import { createRelayClient } from '@latchkey/shared/client'
import { createDataFolder } from './data-folder.ts'
import { blockAround, HOME } from './demo-home.ts'
import { createDemoInvestigator } from './demo-investigator.ts'
import { DEMO_AGENCY, loadDemoParties } from './demo-parties.ts'
import { loadFormerPorts } from './demo-world.ts'

/** Long enough for any clip of this sitting, and what policy allows for a block. */
const WINDOW_MS = 3_600_000
const MICRO = 1_000_000

/** “LAT,LON” in degrees. Untrusted: `text`. @throws USAGE */
function parsePlace(text: string): Vertex {
  const [, lat, lon] = /^(-?\d{1,2}(?:\.\d+)?),\s*(-?\d{1,3}(?:\.\d+)?)$/.exec(text) ?? []
  const place = [Math.round(Number(lat) * MICRO), Math.round(Number(lon) * MICRO)] as const
  if (lat === undefined || Math.abs(place[0]) > 90 * MICRO || Math.abs(place[1]) > 180 * MICRO)
    throw new LatchkeyError('USAGE', `--at takes LATITUDE,LONGITUDE such as 47.6,-122.3, not ${text}`)
  return [place[0], place[1]]
}

/**
 * Asks for the last hour around a place, by the same routes as any investigator.
 * @param options.at `null` for the demo's home
 * @throws USAGE when nothing runs on this data; whatever the relay refuses the question for
 */
export async function askOwner(
  options: { data: string | null; at: string | null },
  print: (line: string) => void,
): Promise<void> {
  const place = options.at === null ? HOME : parsePlace(options.at)
  const data = await createDataFolder(options.data)
  const ports = await loadFormerPorts(join(data, 'demo'))
  if (ports === null || !existsSync(join(data, 'demo-secrets')))
    throw new LatchkeyError('USAGE', 'nothing was ever started on this data: run npm start in another terminal first')
  const relay = `http://127.0.0.1:${ports.relay}`
  const keys = await loadDemoParties(join(data, 'demo-secrets'))
  const investigator = createDemoInvestigator({ keys, relay, nowMs: Date.now })
  const policy = await createRelayClient({ origin: relay, nowMs: Date.now })
    .json('GET', '/v1/policy.json', policyValidator)
    .catch((cause: unknown) => {
      throw new LatchkeyError('UNAVAILABLE', `no relay answers at ${relay}: run npm start in another terminal first`, {
        cause,
      })
    })
  await investigator.enrolAgency()
  const nowMs = Date.now()
  const caseNumber = `DEMO-${new Date(nowMs).getUTCFullYear()}-${randomBytes(3).toString('hex').toUpperCase()}`
  const window = { startMs: nowMs - WINDOW_MS, endMs: nowMs - 1_000 }
  const digest = await investigator.ask({ window, area: blockAround(place), policy, caseNumber })
  print(`${DEMO_AGENCY.name} asked the people around ${place[0] / MICRO}, ${place[1] / MICRO} about the last hour.

  case      ${caseNumber}
  request   ${relay}/v1/requests/${digest}

Every phone of that square fetches it within a minute or so; the ones whose door lies in the block and that have a clip show it under
“Questions”, if their owner wants to be asked. Nobody is told who sees it, and silence is an answer.`)
}
