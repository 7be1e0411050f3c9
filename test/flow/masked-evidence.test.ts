/** What a doorbell painted over at capture is not in the evidence either: camera, relay, consent, `latchkey open`, pixels. */
import { clipList, deviceCertificate, digestOfMasks, clipManifest, encodeIdentity } from '@latchkey/shared'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type Agent, createAgent } from '../../device-agent/src/agent.ts'
import { silentLog } from '../support/agent-rig.ts'
import { latchkey } from '../support/command-line.ts'
import { pairAsPhone } from '../support/household.ts'
import { drawScene, levelsIn, packetsOf, type PictureLevels, SMALL_SCENE } from '../support/media-files.ts'
import { eventually } from '../support/poll.ts'
import { downloadBundle } from '../support/released-bundle.ts'
import {
  acceptedRequest,
  type Case,
  certifyInvestigator,
  createRelayWorld,
  enrolAgency,
  enrolHousehold,
  expectStatus,
  type Household,
  type OwnRelayWorld,
  randomSalt,
} from '../support/relay-world.ts'

const { width, height } = SMALL_SCENE
/**
 * In pixels: over the number that the scene burns into every picture, so that what lies under it is never twice the same; on
 * no border of the blocks that are coded together.
 */
const MASKED = { left: 20, top: 18, width: 202, height: 28 }
/** As large, beside it: brick, in changing light. */
const OPEN = { ...MASKED, left: 320 }
/** What coding the picture anew may make of black; 5 was measured, at the mask's border. */
const TOLERANCE = 8
const isBlack = ({ y, u, v }: PictureLevels): boolean =>
  Object.entries({ 16: y, 128: [...u, ...v] }).every(([black, levels]) =>
    levels.every((level) => Math.abs(level - Number(black)) <= TOLERANCE),
  )

const corner = (x: number, y: number): [number, number] => [x / width, y / height]
const [right, bottom] = [MASKED.left + MASKED.width, MASKED.top + MASKED.height]
const MASKS = {
  number: {
    points: [
      corner(MASKED.left, MASKED.top),
      corner(right, MASKED.top),
      corner(right, bottom),
      corner(MASKED.left, bottom),
    ],
  },
}

let world: OwnRelayWorld
let source: string
beforeAll(async () => {
  world = await createRelayWorld()
  source = await drawScene(world.folder, { ...SMALL_SCENE, seconds: 16 })
})
afterAll(() => world[Symbol.asyncDispose]())

async function pair(agent: Agent, { root, owner, recovery, keyset }: Household): Promise<string> {
  const url = await eventually(() => {
    const { pairing } = agent.status()
    return pairing.kind === 'unpaired' ? pairing.url : null
  }, 'a pairing code')
  const phone = { root, member: owner.signer, phone: owner.identity, recovery, keyset: keyset.raw }
  const { answer, hello } = await pairAsPhone(phone, url)
  const json = { deviceCertificate: answer.deviceCertificate, hello, salt: randomSalt() }
  await expectStatus(await owner.client.send('POST', '/v1/devices', { json }), 201)
  return answer.deviceCertificate
}

/** The scene, recorded by a doorbell with masks; all of it is with the relay. */
async function recordMasked(household: Household): Promise<string> {
  await using agent = await createAgent(
    {
      dataDir: join(world.folder, 'agent'),
      camera: { source, name: 'Front door', rate: 8 },
      relay: { origin: world.relay.publicOrigin },
      masks: MASKS,
    },
    { log: silentLog, pairingPollMs: 5, retryBaseMs: 20 },
  )
  const certificate = await pair(agent, household)
  await agent.captured
  expect(await agent.drained(20_000)).toBe(true)
  return certificate
}

/** The clip as the owner's phone finds it, and an investigator who asks for it. */
async function caseOf(household: Household, certificate: string): Promise<Case> {
  const { client } = household.owner
  const [entry] = (await client.json('GET', '/v1/clips', clipList)).clips
  const { clip, descriptors } = entry!
  const bodies = await Promise.all(
    descriptors.map(({ index }) => client.bytes('GET', `/v1/clips/${clip}/items/${index}`)),
  )
  const manifest = clipManifest.parse(entry!.manifest)
  // A recording that is played faster than it was made ends later than now.
  world.clock.shift(60_000)
  const investigator = await certifyInvestigator(world, await enrolAgency(world))
  const { signer } = household.owner
  return {
    household,
    device: {
      signer,
      client,
      certificate,
      device: deviceCertificate.parse(certificate).payload.latchkey.device,
      finals: [],
    },
    clip: { clip, descriptors, bodies, manifest, plaintexts: [] },
    investigator,
    request: await acceptedRequest(world, investigator),
  }
}

test('what lies under a privacy mask is one black in every picture that the investigator opens, and the papers say so', async () => {
  const household = await enrolHousehold(world)
  const subject = await caseOf(household, await recordMasked(household))
  const at = (name: string) => join(world.folder, name)
  await writeFile(at('bundle.zip'), await downloadBundle(world, subject))
  await writeFile(at('requester.key'), `${encodeIdentity(subject.investigator.identity)}\n`)
  await writeFile(at('trust.json'), await world.anyone.bytes('GET', '/v1/trust.json'))
  const words = [at('bundle.zip'), '--key', at('requester.key'), '--trust', at('trust.json')]
  expect(await latchkey(['open', ...words, '--out', at('opened')], world.folder)).toMatchObject({ status: 0 })

  expect(levelsIn(source, MASKED).filter(isBlack)).toEqual([])
  const recorded = packetsOf(at('opened/original.mp4')).length
  for (const file of ['original.mp4', 'working-copy.mp4']) {
    const masked = levelsIn(at(`opened/${file}`), MASKED)
    expect(masked).toHaveLength(recorded)
    expect(masked.filter((levels) => !isBlack(levels))).toEqual([])
    const beside = levelsIn(at(`opened/${file}`), OPEN)
    expect(beside.filter(({ y: [lowest, highest] }) => highest - lowest < 30)).toEqual([])
  }

  const verified = await latchkey(['verify', ...words], world.folder)
  const said = `painted privacy masks over parts of the picture before coding it: what lay under them was never recorded (masks ${digestOfMasks(MASKS)})`
  expect(verified.stdout).toContain(said)
  expect(verified.stdout).toContain('PASS')
  expect(await readFile(at('opened/certification-draft.txt'), 'utf8')).toContain(said)
})
