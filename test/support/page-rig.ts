import type { PageHost } from '../../device-agent/src/page/page-host.ts'
import { startPageServer } from '../../device-agent/src/page/http-page-server.ts'
import { createOneTimeCode } from '../../device-agent/src/page/one-time-code.ts'
import { diffLines, withRegions } from '../../device-agent/src/page/region-document.ts'
import { regionsOf, type RegionSections, sectionsOf } from '../../device-agent/src/page/region.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { parse } from 'yaml'

export const CONFIG_TEXT = `# The doorbell of the Example family
dataDir: /var/lib/latchkey
motion:
  sensitivity: 6 # the street is busy
  zones:
    porch: # where visitors stand
      kind: include
      points: [[0.1, 0.1], [0.5, 0.1], [0.5, 0.9]]
`

/** A page over a file in memory, and over whatever `parts` bring of an agent. */
export interface PageRig extends AsyncDisposable {
  readonly origin: string
  readonly code: () => string
  text: string
  readonly calls: string[]
  spent: boolean
}

/** Serves one on a free port. */
export async function createPageRig(parts: Partial<PageHost> = {}): Promise<PageRig> {
  const view = () => {
    const file = parse(rig.text) as { motion?: { zones?: RegionSections['zones'] }; masks?: RegionSections['masks'] }
    return regionsOf({ zones: file.motion?.zones ?? {}, masks: file.masks ?? {} })
  }
  const host: PageHost = {
    status: async () => ({ name: 'Front door', headline: 'Recording. All is well.', level: 'good', lines: [] }),
    still: async () => Uint8Array.of(0xff, 0xd8, 0xff),
    async *news() {},
    regions: async () => ({ revision: '1', regions: view() }),
    preview: async ({ regions }) => ({ diff: diffLines(rig.text, withRegions(rig.text, sectionsOf(regions))) }),
    async save({ regions }) {
      rig.calls.push('save')
      rig.text = withRegions(rig.text, sectionsOf(regions))
      return { revision: '1', applied: true, advice: null }
    },
    ...parts,
  }
  const code = createOneTimeCode(() => {})
  const server = await startPageServer({
    host,
    code,
    clock: systemClock,
    addresses: ['127.0.0.1'],
    port: 0,
    names: ['localhost'],
    onSpent: () => (rig.spent = true),
  })
  const rig: PageRig = {
    origin: server.origins[0]!,
    code: () => code.current,
    text: CONFIG_TEXT,
    calls: [],
    spent: false,
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  }
  return rig
}
