/** Why a server could not be reached, for people. */
export interface ConnectionFailure {
  /** The system's word for it. */
  readonly code: string
  /** As said of the server: "its certificate has expired". */
  readonly text: string
  readonly fix: string
}

const NETWORK = 'check the network: is the Wi-Fi or cable up, does ping work?'
const CLOCK = 'is this machine’s clock right?'
// The package's Node brings its own list of authorities: what Debian's ca-certificates installs is not asked.
const AUTHORITY =
  'it takes a certificate of a public authority; the PEM file of one of your own is given in the environment, NODE_EXTRA_CA_CERTS=FILE'
const UNTRUSTED = ['its certificate is not trusted here', AUTHORITY] as const

/** As Node, OpenSSL and the kernel name them. */
const FAILURES: Readonly<Record<string, readonly [text: string, fix: string]>> = {
  ENOTFOUND: ['its name is not known', 'check the address, and the network’s name server'],
  EAI_AGAIN: ['names cannot be looked up', NETWORK],
  ECONNREFUSED: ['it refuses the connection', 'is it running? is the port of its address right?'],
  ENETUNREACH: ['there is no network', NETWORK],
  EHOSTUNREACH: ['its machine cannot be reached', NETWORK],
  ECONNRESET: ['it broke the connection off', 'is it running? is its address https or http?'],
  UND_ERR_SOCKET: ['it broke the connection off', 'try again'],
  CERT_HAS_EXPIRED: ['its certificate has expired', `whoever runs it must renew it; ${CLOCK}`],
  CERT_NOT_YET_VALID: ['its certificate is not valid yet', CLOCK],
  DEPTH_ZERO_SELF_SIGNED_CERT: ['its certificate is signed by itself', AUTHORITY],
  SELF_SIGNED_CERT_IN_CHAIN: UNTRUSTED,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: UNTRUSTED,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: UNTRUSTED,
  ERR_TLS_CERT_ALTNAME_INVALID: ['its certificate is for another name', 'check the address'],
}

/** What is known of why a connection failed, by the first code in the chain of causes that has words; null for none. */
export function connectionFailure(error: unknown): ConnectionFailure | null {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const code = 'code' in at && typeof at.code === 'string' ? at.code : ''
    const words = Object.hasOwn(FAILURES, code) ? FAILURES[code] : undefined
    if (words !== undefined) return { code, text: words[0], fix: words[1] }
  }
  return null
}
