/** A clip on its way to who asked: the consent in the log, the counted download. */
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

/** Digest of a consent that its requester is shown. */
export async function consentLogged(world: RelayWorld, subject: Case): Promise<string> {
  const submission = await signConsent(subject, consentPlan(world, subject))
  await expectStatus(await postConsent(subject.household.owner, submission), 201)
  const digest = digestOfJws(submission.consent)
  await eventually(async () => {
    const { releases } = (await expectStatus(await subject.investigator.client.send('GET', '/v1/releases'), 200)) as {
      releases: { consent: string }[]
    }
    return releases.some((entry) => digestOfJws(entry.consent) === digest)
  }, 'the consent to be logged')
  return digest
}

/** Takes a download, counted once the release is in the log. */
export function takeDownload(
  subject: Pick<Case, 'investigator'>,
  consent: string,
  download = randomId(),
): Promise<{ download: string; release: string }> {
  return eventually(async () => {
    const response = await subject.investigator.client.send('POST', `/v1/releases/${consent}/downloads`, {
      json: { download },
    })
    const body = (await response.json()) as { download: string; release: string; code?: string }
    if (response.status === 202) return null
    if (response.status !== 200) throw new Error(`${response.status} ${body.code}`)
    return body
  }, 'the release to be logged')
}
