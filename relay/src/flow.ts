/**
 * Every datum that passes between the stages of the relay, and the ports the stages speak through; types only.
 * Stations: store (database, items) · link (broker, events) · request · consent · release · log.
 */
import type {
  Availability,
  DeviceEvent,
  Health,
  HouseholdFact,
  LeafData,
  LeafType,
  MqttHello,
  Tile,
} from '@latchkey/shared'
import type { Readable } from 'node:stream'

// --- store: database ---------------------------------------------------------------------------------------------

/** What a statement may be given. `number` for int8 within ±2^53; bytes for bytea. */
export type SqlValue =
  null | boolean | number | string | Uint8Array | readonly string[] | readonly (number | null)[] | readonly Uint8Array[]

/**
 * One connection's worth of SQL. int8 comes back as `number`, bytea as `Uint8Array`, json as its parse.
 * Every method throws CONFLICT (unique violation), STORAGE_FULL, UNAVAILABLE (gone, deadlock: try again) or STORAGE_FAILED.
 */
export interface Queryable {
  /** One statement with `$1…` parameters; the rows, in the statement's order. */
  query<Row extends object = Record<string, unknown>>(sql: string, params?: readonly SqlValue[]): Promise<Row[]>
  /** Several statements without parameters. */
  exec(sql: string): Promise<void>
}

/** The statements of one transaction. */
export interface Transaction extends Queryable {
  /** Calls `act` once the transaction has committed, never when it was rolled back. `act` must not throw. */
  onCommit(act: () => void): void
}

/** The SQL seam: `pg` on the embedded server or on anyone's PostgreSQL ≥ 15. */
export interface Database extends Queryable {
  /**
   * Runs `work` in one READ COMMITTED transaction: committed when it resolves, rolled back when it rejects.
   * `work` must use only the connection it is given.
   */
  transaction<T>(work: (tx: Transaction) => Promise<T>): Promise<T>
}

// --- store: items ------------------------------------------------------------------------------------------------

/** What the bytes of an item must be, or they are not stored. */
export interface ItemExpectation {
  /** SHA-256 of the whole body, 43 characters. */
  readonly sha256B64u: string
  readonly sizeBytes: number
}

/** Inclusive byte positions, 0-based. */
export interface ByteRange {
  readonly first: number
  readonly last: number
}

/** A stored item being read. The caller must consume or destroy `stream`. */
export interface StoredItem {
  /** The bytes of the range, or of the whole item. */
  readonly stream: Readable
  /** Size of the whole item, whatever the range. */
  readonly sizeBytes: number
}

/** One stored item in a listing. */
export interface ItemEntry {
  readonly key: string
  readonly sizeBytes: number
}

/**
 * Where sealed items lie. Keys are `/`-separated segments of `[A-Za-z0-9_.-]`, at most 8 segments and 300 characters, no
 * segment starting with a dot. Items never change: a key holds one content or none.
 */
export interface ItemStore {
  /**
   * Stores an item; when it resolves the bytes and the name are durable. Idempotent: the same content again is `already`.
   * Untrusted: `body`.
   * @throws ITEM_INVALID (size or digest differ) | ITEM_CONFLICT (another content holds the key) | STORAGE_FULL |
   *   STORAGE_FAILED | UNAVAILABLE (nobody knows whether it was stored; putting it again finds out)
   */
  put(
    key: string,
    body: Uint8Array | AsyncIterable<Uint8Array>,
    expected: ItemExpectation,
  ): Promise<'stored' | 'already'>
  /** What breaks off later ends `stream` with the same errors. @throws NOT_FOUND | RANGE_INVALID | STORAGE_FAILED | UNAVAILABLE */
  get(key: string, range?: ByteRange): Promise<StoredItem>
  /** When it resolves the name is durably gone. Idempotent. @throws STORAGE_FAILED | UNAVAILABLE */
  delete(key: string): Promise<'deleted' | 'absent'>
  /** Items whose key starts with `prefix`, in no promised order. */
  list(prefix: string): AsyncIterable<ItemEntry>
}

// --- link --------------------------------------------------------------------------------------------------------

/** One MQTT message as received. Untrusted: `payload`, and `topic` beyond what the broker's rules promise. */
export interface BusMessage {
  readonly topic: string
  readonly payload: Uint8Array
  readonly retained: boolean
}

/** How a message is published. */
export interface PublishOptions {
  readonly qos?: 0 | 1
  readonly retain?: boolean
}

/** Which of the relays at one broker a message reaches. */
export type Reach = 'one' | 'each'

/** MQTT as the relay sees it: an ordinary client of whatever broker is configured. */
export interface EventBus {
  /**
   * Delivers matching messages one at a time and acknowledges each to the broker only after `handler` resolved. When it
   * rejects, it is called again. Resolves when the broker granted the subscription, which outlives the process.
   * @param filter MQTT topic filter, without `$share`
   * @param reach where several relays share a broker: does `one` of them get each message, or `each` of them, what is retained too?
   * @throws UNAVAILABLE | CALLER_REFUSED
   */
  subscribe(filter: string, handler: (message: BusMessage) => Promise<void>, reach: Reach): Promise<void>
  /** Publishes; with QoS 1 (default) resolves at the broker's PUBACK. @throws UNAVAILABLE */
  publish(topic: string, payload: Uint8Array | string, options?: PublishOptions): Promise<void>
}

/** Whom an MQTT credential names. */
export interface AuthenticatedDevice {
  /** The device's random id: 22 characters of base64url. */
  readonly device: string
  /** When the credential dies, UTC ms; the broker then closes the connection. */
  readonly expiresMs: number
}

/** Judges the user name and password of a CONNECT. Untrusted: both. `null` refuses. */
export type AuthenticateDevice = (username: string, password: string) => Promise<AuthenticatedDevice | null>

/** Broker logins of devices, whoever runs the broker. */
export interface BrokerLogins {
  /** A login for a paired device; an earlier one may end. @throws UNAVAILABLE */
  issue(
    caller: DeviceCaller,
  ): Promise<{ readonly username: string; readonly password: string; readonly expiresMs: number }>
  /** Ends the device's logins and connections once `tx` has committed. */
  end(tx: Transaction, device: string): Promise<void>
}

/** What became of an event, and how far the device may forget. */
export interface RecordedEvent {
  /** False when the same (device, stream, sequence) was there before. */
  readonly isNew: boolean
  /** Highest s such that every sequence from the device's first unacknowledged to s is committed. */
  readonly acknowledged: number
}

/** Where device events are kept; every method is one committed transaction, idempotent. */
export interface DeviceEventLog {
  /** @throws STORAGE_FAILED | STORAGE_FULL | UNAVAILABLE */
  recordEvent(device: string, event: DeviceEvent, receivedMs: number): Promise<RecordedEvent>
  /** The device says where its outbox begins. @returns as {@link RecordedEvent.acknowledged} */
  recordHello(device: string, hello: MqttHello): Promise<number>
}

/** When a message came, and whether the broker had kept it: then it says nothing about now. */
export interface Arrival {
  readonly receivedMs: number
  readonly retained: boolean
}

/** Where the newest word of each device about itself is kept; each method is one committed transaction, idempotent. */
export interface DeviceStates {
  /** @throws STORAGE_FAILED | STORAGE_FULL | UNAVAILABLE */
  recordAvailability(device: string, available: Availability, arrival: Arrival): Promise<void>
  /** @throws as {@link recordAvailability} */
  recordHealth(device: string, health: Health, arrival: Arrival): Promise<void>
  /** A broker that starts anew knows no connection: who was online is not, until it says so again. */
  assumeOffline(nowMs: number): Promise<void>
}

// --- feed: what members are told -----------------------------------------------------------------------------------

/** A fact as its station tells it; the feed adds position and time. */
export type FactToTell = HouseholdFact extends infer F
  ? F extends object
    ? Omit<F, 'position' | 'atMs'>
    : never
  : never

/**
 * Tells every member of a household, in the transaction of what happened and at its end: the lock that orders facts is
 * held until the commit.
 */
export type TellHousehold = (tx: Transaction, root: string, fact: FactToTell) => Promise<void>

// --- http: callers -----------------------------------------------------------------------------------------------

/** A phone of a household, as its proven key makes it known. */
export interface MemberCaller {
  readonly kind: 'member'
  readonly thumbprint: string
  /** Thumbprint of the household's root key: the household. */
  readonly root: string
  readonly role: 'owner' | 'viewer'
  /** False while only a keyset by root alone, still waiting, names this phone: then it may look and nothing else. */
  readonly inForce: boolean
}

/** A paired Pi whose newest certificate is not revoked. */
export interface DeviceCaller {
  readonly kind: 'device'
  readonly thumbprint: string
  /** RFC 9278 URN of its key. */
  readonly urn: string
  readonly root: string
  /** Its random id, 16 bytes base64url. */
  readonly device: string
  /** Digest of its certificate. */
  readonly certificate: string
}

/** The requester of at least one accepted request. */
export interface InvestigatorCaller {
  readonly kind: 'investigator'
  readonly thumbprint: string
}

// --- log: as the stages that give use it -------------------------------------------------------------------------

/** What goes into a leaf; the log adds version and hour. */
export type LeafContent = { [T in LeafType]: { readonly type: T; readonly data: LeafData<T> } }[LeafType]

/** Where a published leaf stands. */
export interface PublishedLeaf {
  readonly index: number
  /** Hour of the leaf. */
  readonly hour: number
}

/** Appending, in two steps: the caller's own transaction decides that a leaf will be, the log decides when it is. */
export interface LeafLog {
  /**
   * Queues a leaf: it comes into the log, once, if and only if `tx` commits.
   * @returns the ticket to ask after it with
   */
  enqueue(tx: Transaction, leaf: LeafContent): Promise<number>
  /** Resolves once the leaf is under a published checkpoint (with its witnesses, where configured). */
  published(ticket: number): Promise<PublishedLeaf>
}

// --- clip → http, release ----------------------------------------------------------------------------------------

/** A sealed item as it is served: some header before the one payload. */
export interface SealedFile {
  readonly header: Uint8Array
  readonly payloadBytes: number
  /** Opens the payload, or a range of it. The caller must consume or destroy the stream. */
  open(range?: ByteRange): Promise<Readable>
}

/** A C2SP tlog resource: its bytes never change, whatever the width. */
export type ReadLogTile = (tile: Tile) => Promise<Uint8Array>

/** The log as anyone may read it; nothing beyond the published checkpoint. */
export interface LogReader {
  /** The newest published checkpoint, a signed note. */
  checkpoint(): Promise<Uint8Array>
  /** A hash tile or entry bundle. @throws LOG_RANGE when the published tree has no such tile */
  readonly readTile: ReadLogTile
  /** One leaf's bytes. @throws LOG_RANGE */
  leaf(index: number): Promise<Uint8Array>
  /** A `tlog-proof` file of one leaf under the newest published checkpoint. @throws LOG_RANGE */
  prove(index: number): Promise<Uint8Array>
}

/** A consent that its requester may know of: logged, approved, past `nbf`. */
export interface GrantedConsent {
  readonly digest: string
  readonly root: string
  readonly clip: string
  readonly request: string
  readonly jws: string
  readonly salt: string
  readonly keyset: string
  /** One release header per named item, index order. */
  readonly headers: readonly Uint8Array[]
  /** The sealed identity item that goes with it; null for none. */
  readonly disclosure: Uint8Array | null
  readonly expSeconds: number
  readonly maxDownloads: number
  readonly downloadsTaken: number
  readonly receivedMs: number
  readonly logIndex: number
  readonly leaf: number
  readonly ended: boolean
}

// --- push → the world ----------------------------------------------------------------------------------------------

/** One message to a browser's push service. */
export interface PushMessage {
  readonly endpoint: string
  /** Encrypted by a device; null for the empty push of the day. */
  readonly body: Uint8Array | null
  /** How long the push service keeps it for a phone that is off. */
  readonly ttlSeconds: number
  readonly urgency: 'normal' | 'high'
  /** Replaces what of the same topic still waits there. */
  readonly topic?: string
}

/** `gone`: nobody listens there any more · `later`: worth another try · `refused`: never. */
export type PushOutcome = 'sent' | 'gone' | 'later' | 'refused'

/** Hands a message over, once; never throws for what the other side does. */
export interface PushService {
  send(message: PushMessage, signal: AbortSignal): Promise<PushOutcome>
}
