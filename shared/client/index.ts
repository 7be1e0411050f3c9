/** The door for whoever calls a relay, from Node or from a page. */
export { type Changed, jsonIfChanged } from './conditional-get.ts'
export { type LineOptions, readLines } from './json-lines.ts'
export { anything, createRelayClient, readJson, type RelayClient, type RelayRequest } from './relay-client.ts'
