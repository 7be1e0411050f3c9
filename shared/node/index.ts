/** The door for Node programs: what needs the platform. */
export { primitives } from './node-primitives.ts'
export { createRelayClient, readJson, type RelayClient, type RelayRequest } from './relay-client.ts'
