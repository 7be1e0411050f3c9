import { digestOfJws } from '@latchkey/shared'
import { eventually } from './poll.ts'
import {
  type Case,
  consentPlan,
  expectStatus,
  postConsent,
  randomId,
  type RelayWorld,
  signConsent,
} from './relay-world.ts'

/** The owner consents to a case; its bundle, as its requester downloads it. */
export async function downloadBundle(world: RelayWorld, subject: Case): Promise<Uint8Array> {
  const { client } = subject.investigator
  const submission = await signConsent(subject, consentPlan(world, subject))
  await expectStatus(await postConsent(subject.household.owner, submission), 201)
  const json = { download: randomId() }
  const path = `/v1/releases/${digestOfJws(submission.consent)}/downloads`
  const isReleased = async () => (await client.send('POST', path, { json })).status === 200
  await eventually(isReleased, 'the release to be logged')
  return client.bytes('GET', `/v1/downloads/${json.download}/bundle.zip`)
}
