import {
  Accepted,
  ButtonPress,
  DeviceEnrolment,
  DeviceList,
  Exact,
  HouseholdEnrolment,
  KeysetAccepted,
  KeysetList,
  KeysetProposal,
  KeysetSubmission,
  LatchkeyError,
  MqttCredentials,
  ProposedKeyset,
  type PublicJwk,
  thumbprintOf,
} from '@latchkey/shared'
import { Type } from 'typebox'
import type { DeviceCaller, MemberCaller } from '../../flow.ts'
import { assertOwner } from '../callers.ts'
import { cursorOf, WholeText } from '../path-fields.ts'
import { json, type Route, routeOf } from '../route.ts'

/** What the household routes use. */
export interface HouseholdServices {
  enrolHousehold(submission: {
    keyset: string
    rootJwk: PublicJwk
    cell: string
    invitation?: string
  }): Promise<{ keyset: string; index: number }>
  submitKeyset(root: string, raw: { keyset: string; ack?: string }): Promise<{ keyset: string; index: number }>
  proposeKeyset(root: string, raw: string): Promise<string>
  findProposal(root: string): Promise<ProposedKeyset>
  withdrawProposal(root: string): Promise<void>
  pressForProposal(root: string, rawAck: string): Promise<{ keyset: string; index: number }>
  keysetsAfter(root: string, afterIndex: number): Promise<KeysetList['keysets']>
  enrolDevice(caller: MemberCaller, raw: { deviceCertificate: string; hello: string; salt: string }): Promise<string>
  listDevices(root: string): Promise<DeviceList['devices']>
  issueMqttCredential(
    caller: DeviceCaller,
  ): Promise<{ username: string; password: string; expiresMs: number; url: string }>
}

const route = routeOf<HouseholdServices>()

export const HOUSEHOLD_ROUTES: readonly Route<HouseholdServices>[] = [
  route({
    method: 'POST',
    url: '/v1/households',
    callers: ['key'],
    schema: {
      summary: 'Enrol a household: its root presents the first keyset',
      body: HouseholdEnrolment,
      answers: { 201: KeysetAccepted },
    },
    handle: async ({ body, caller }, services) => {
      const rootJwk = body.rootJwk as PublicJwk
      if (thumbprintOf(rootJwk) !== caller.thumbprint)
        throw new LatchkeyError('CALLER_REFUSED', 'this key may not use this route')
      return json(201, await services.enrolHousehold({ ...body, rootJwk }))
    },
  }),
  route({
    method: 'POST',
    url: '/v1/keysets',
    callers: ['member', 'root'],
    schema: { summary: 'Submit the next keyset', body: KeysetSubmission, answers: { 201: KeysetAccepted } },
    handle: async ({ body, caller }, services) => json(201, await services.submitKeyset(caller.root, body)),
  }),
  route({
    method: 'GET',
    url: '/v1/keysets',
    callers: ['member', 'device', 'root'],
    schema: {
      summary: 'Published keysets of the household behind a log index, in log order',
      query: Exact({ after: Type.Optional(WholeText) }),
      answers: { 200: KeysetList },
    },
    handle: async ({ query, caller }, services) =>
      json(200, { keysets: await services.keysetsAfter(caller.root, cursorOf(query.after, -1)) }),
  }),
  route({
    method: 'PUT',
    url: '/v1/keysets/proposed',
    callers: ['member'],
    schema: {
      summary: 'Propose the next keyset, which waits for a button or another owner; in place of any before',
      body: KeysetProposal,
      answers: { 201: Accepted },
    },
    handle: async ({ body, caller }, services) => {
      assertOwner(caller)
      return json(201, { digest: await services.proposeKeyset(caller.root, body.keyset) })
    },
  }),
  route({
    method: 'GET',
    url: '/v1/keysets/proposed',
    callers: ['member', 'device'],
    schema: { summary: 'The keyset that waits, with the approvals so far', answers: { 200: ProposedKeyset } },
    handle: async ({ caller }, services) => json(200, await services.findProposal(caller.root)),
  }),
  route({
    method: 'DELETE',
    url: '/v1/keysets/proposed',
    callers: ['member'],
    schema: { summary: 'Take back what waits, idempotent', answers: { 204: Type.Null() } },
    handle: async ({ caller }, services) => {
      assertOwner(caller)
      await services.withdrawProposal(caller.root)
      return { status: 204, empty: true }
    },
  }),
  route({
    method: 'POST',
    url: '/v1/keysets/proposed/press',
    callers: ['device'],
    schema: {
      summary: 'The press of this device’s button for the keyset that waits',
      body: ButtonPress,
      answers: { 201: KeysetAccepted },
    },
    handle: async ({ body, caller }, services) => json(201, await services.pressForProposal(caller.root, body.ack)),
  }),
  route({
    method: 'POST',
    url: '/v1/devices',
    callers: ['member'],
    schema: { summary: 'Enrol a paired device', body: DeviceEnrolment, answers: { 201: Accepted } },
    handle: async ({ body, caller }, services) => json(201, { digest: await services.enrolDevice(caller, body) }),
  }),
  route({
    method: 'GET',
    url: '/v1/devices',
    callers: ['member'],
    schema: {
      summary: 'Every device of the household, with what members said against it',
      answers: { 200: DeviceList },
    },
    handle: async ({ caller }, services) => json(200, { devices: await services.listDevices(caller.root) }),
  }),
  route({
    method: 'POST',
    url: '/v1/mqtt-credentials',
    callers: ['device'],
    schema: { summary: 'Credentials for the broker', answers: { 200: MqttCredentials } },
    handle: async ({ caller }, services) => json(200, await services.issueMqttCredential(caller)),
  }),
]
