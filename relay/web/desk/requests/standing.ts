/** Is an accepted request still shown to anybody? Its own end is not all that ends it. */
import { type AgencyEntry, cellRequests, cellsOfPolygon, clipRequest } from '@latchkey/shared'
import { useEffect, useState } from 'preact/hooks'
import type { Investigator } from '../who/investigator.ts'
import { anyoneClient } from '../who/relay-clients.ts'
import type { Asked } from './asked.ts'

/** `left`: its agency left the relay after it was asked, which ends it for good. */
export type Standing = 'shown' | 'suspended' | 'left'

/** An agency that came back: what it asked before it left stands in no square, what it asked since does. */
async function isListed(investigator: Investigator, { request }: Asked): Promise<boolean> {
  const { authorization_details } = clipRequest.parse(request).payload
  const [cell] = cellsOfPolygon(authorization_details[0]!.area)
  const { requests } = await anyoneClient(investigator).json('GET', `/v1/cells/${cell!}/requests`, cellRequests)
  return requests.some((listed) => listed.request === request)
}

async function findStanding(investigator: Investigator, asked: Asked, agency: AgencyEntry): Promise<Standing> {
  if (agency.status === 'withdrawn') return 'left'
  if (agency.status === 'suspended') return 'suspended'
  if (asked.index > agency.index) return 'shown'
  return (await isListed(investigator, asked)) ? 'shown' : 'left'
}

/** By what the relay says; `shown` until it said anything else. @param agency nullish while it is not known */
export function useStanding(
  investigator: Investigator,
  asked: Asked,
  agency: AgencyEntry | null | undefined,
): Standing {
  const [standing, setStanding] = useState<Standing>('shown')
  useEffect(() => {
    if (!agency) return
    // Without a network it stands as it was asked.
    findStanding(investigator, asked, agency).then(setStanding, () => {})
  }, [agency])
  return standing
}
