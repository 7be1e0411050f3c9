/** The door for whoever calls a relay, from Node or from a page. */
export { piecesOf, readBounded } from './bounded-body.ts'
export { type Changed, jsonIfChanged } from './conditional-get.ts'
export { createIdleWatch } from './idle-watch.ts'
export { type LineOptions, readLines } from './json-lines.ts'
export { anything, createRelayClient, errorOf, readJson, type RelayClient, type RelayRequest } from './relay-client.ts'
