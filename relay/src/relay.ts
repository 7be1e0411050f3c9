import { digestOf, encodeVkey, LOG_CHECKPOINT_TOPIC, type PublicJwk, thumbprintOf, utf8 } from '@latchkey/shared'
import { join } from 'node:path'
import type { RelayConfig } from './config.ts'
import { createDeviceStates, noteHeard, rootOfDevice } from './feed/device-states.ts'
import { createHouseholdFeed } from './feed/household-feed.ts'
import { createLoggedFacts } from './feed/logged-facts.ts'
import type { ItemStore } from './flow.ts'
import { findMember } from './household/keyset-store.ts'
import { createApp } from './http/app.ts'
import { createNonces, createProofMemory } from './http/dpop.ts'
import { createHttpListener } from './http/http-listener.ts'
import { createMetrics, createOperatorApp } from './http/operator-app.ts'
import { systemClock, type Clock } from './kernel/clock.ts'
import { noFailpoints, type Failpoints } from './kernel/failpoint.ts'
import { createLeafSettler } from './kernel/leaf-settler.ts'
import { createLog, type Log } from './kernel/log.ts'
import { scheduleJob } from './kernel/scheduled-job.ts'
import { createDeviceEvents } from './link/device-events.ts'
import { createPgDeviceEventLog } from './link/pg-device-event-log.ts'
import { createLogReader } from './log/log-reader.ts'
import { createPgLogStore } from './log/pg-log-store.ts'
import { createSequencer } from './log/sequencer.ts'
import { createWitnesses } from './log/witnesses.ts'
import { publishApp } from './policy/apps.ts'
import { followPolicyEntries, proposePolicy } from './policy/policies.ts'
import { createPushServiceClient } from './push/push-service-client.ts'
import { KNOWN_PUSH_HOSTS } from './push/push-endpoint.ts'
import { createPushQueue } from './push/push-queue.ts'
import { forgetEndpoint } from './push/push-subscriptions.ts'
import { createVapid, parseVapidKey } from './push/vapid.ts'
import { describeHoldings } from './holdings.ts'
import { openBroker, originHost } from './relay-broker.ts'
import { createRules, type RelayCore } from './relay-rules.ts'
import { loadSecrets } from './secrets.ts'
import { readCatalog } from './store/catalog.ts'
import { createDiskItemStore } from './store/disk-item-store.ts'
import { createEmbeddedPostgres } from './store/embedded-postgres.ts'
import { migrateDatabase } from './store/migrate.ts'
import { createPgBell, type PgBell } from './store/pg-bell.ts'
import { createPgDatabase } from './store/pg-database.ts'
import { assertSameKeys } from './store/pg-relay-keys.ts'
import { shareJob } from './store/pg-shared-jobs.ts'

/** What a test may put in place of the real thing; nothing else is replaceable. */
export interface RelayParts {
  readonly clock?: Clock
  readonly log?: Log
  readonly failpoints?: Failpoints
}

/** A running relay. */
export interface Relay extends AsyncDisposable {
  /** What callers prove in `htu`. */
  readonly publicOrigin: string
  /** Health, readiness, metrics. */
  readonly operatorOrigin: string
  /** What devices are told. */
  readonly brokerUrl: string
  /** Verifier key of the log, for pairing codes and trust files. */
  readonly logVkey: string
  /** Key behind receipts and releases. */
  readonly relayJwk: PublicJwk
}

const RETENTION_EVERY_MS = 3_600_000
const MONTHS_EVERY_MS = 600_000
/** The log tells hours: a few minutes late is soon enough for what waited for days. */
const RULES_EVERY_MS = 300_000
const SWEEP_EVERY_MS = 60_000
const DAILY_EVERY_MS = 30_000

async function openDatabase(stack: AsyncDisposableStack, config: RelayConfig, world: { clock: Clock; log: Log }) {
  const postgres = config.database
    ? null
    : stack.use(
        await createEmbeddedPostgres({
          dataDir: join(config.dataDir, 'postgres'),
          copyFolder: join(config.dataDir, 'postgres-programs'),
          ...world,
        }),
      )
  const { url, password } = config.database ?? {}
  const target = postgres?.target ?? { url: url!, ...(password ? { password } : {}) }
  const database = stack.use(createPgDatabase(target, { ...world, maxConnections: config.databaseConnections }))
  await migrateDatabase(database)
  return { database, target }
}

async function openItems(
  stack: AsyncDisposableStack,
  { store, dataDir, instance }: RelayConfig,
  world: { clock: Clock; failpoints: Failpoints },
): Promise<ItemStore> {
  if (store === null) return createDiskItemStore({ root: join(dataDir, 'items'), failpoints: world.failpoints })
  // Loading what speaks S3 takes a third of a second, which a relay at home has no use for.
  const { createS3ItemStore } = await import('./store/s3-item-store.ts')
  const spoolFolder = join(dataDir, 'spool', instance)
  return stack.use(await createS3ItemStore({ ...store, spoolFolder, clock: world.clock }))
}

/**
 * Builds a relay and starts it, in the order of the picture; whatever fails undoes what stood before it.
 * @throws CONFIG_INVALID | DEPENDENCY_MISSING | STORAGE_FAILED | UNAVAILABLE and the codes of each part
 */
export async function createRelay(config: RelayConfig, parts: RelayParts = {}): Promise<Relay> {
  await using stack = new AsyncDisposableStack()
  const clock = parts.clock ?? systemClock
  const log = parts.log ?? createLog({ level: config.logLevel })
  const failpoints = parts.failpoints ?? noFailpoints

  // Stores
  const { database, target } = await openDatabase(stack, config, { clock, log })
  const items = await openItems(stack, config, { clock, failpoints })

  // Names and keys
  const listener = stack.use(await createHttpListener(config.listen, clock))
  const publicOrigin = config.publicOrigin ?? `http://${originHost(config.listen.host)}:${listener.port}`
  const logName = config.logOrigin ?? `${new URL(publicOrigin).host}/log`
  const { signer, logSigner, nonceKey, vapidKey } = await loadSecrets(config.secretsDir, logName)
  await assertSameKeys(database, {
    receipts: signer.thumbprint,
    log: digestOf(utf8(encodeVkey(logSigner.key))),
    nonces: digestOf(nonceKey),
    pushes: digestOf(vapidKey),
  })
  const logVkey = encodeVkey(logSigner.key)

  // Broker, bus
  const broker = await openBroker(stack, { config, database, publicOrigin, signer, clock, log })
  const { bus } = broker

  // What members are told
  const isMember = async (root: string, thumbprint: string): Promise<boolean> =>
    (await findMember(database, thumbprint, clock.nowMs()))?.root === root
  let bell: PgBell | null = null
  const ringOthers = (root: string): void => bell?.ring(root)
  const feed = stack.use(createHouseholdFeed({ database, clock, log, isMember, ringOthers }))
  if (config.database) {
    const hearing = { onRing: feed.hear, onGap: () => feed.hear(null) }
    bell = stack.use(createPgBell({ target, database, instance: config.instance, clock, log, ...hearing }))
  }

  // What phones are told while nobody looks
  const { hosts, loopback, contact } = config.push
  const pushServices = { hosts: hosts ?? KNOWN_PUSH_HOSTS, loopback }
  const vapid = createVapid({ key: await parseVapidKey(vapidKey), contact, clock })
  const pushes = stack.use(
    createPushQueue({
      service: createPushServiceClient({ services: pushServices, vapid }),
      onGone: (member, endpoint) => forgetEndpoint(database, member, endpoint),
      clock,
      log,
    }),
  )

  // Log
  const logStore = createPgLogStore(database)
  const { places, quorum } = config.witnesses
  const witnesses = places.length === 0 ? null : createWitnesses({ places, quorum, readTile: logStore.readTile, log })
  const leaves = stack.use(
    await createSequencer({
      database,
      store: logStore,
      signer: logSigner,
      batchMs: config.batchMs,
      clock,
      log,
      ...(witnesses === null ? {} : { witnesses }),
      announce: (raw) => bus.publish(LOG_CHECKPOINT_TOPIC, raw, { retain: true }),
      failpoints,
    }),
  )
  const logReader = createLogReader(logStore)
  const settler = createLeafSettler({
    database,
    leaves,
    log,
    follow: { ...createLoggedFacts(feed.tell), ...followPolicyEntries },
  })
  await settler.recover()

  // Events of devices
  await createDeviceEvents({
    bus,
    events: createPgDeviceEventLog(database, { tell: feed.tell, rootOfDevice, noteHeard }),
    states: createDeviceStates(database, feed.touch),
    clock,
    log,
    brokerIsNew: broker.isNew,
  })

  // Rules
  await proposePolicy({ database, leaves, settler, clock, log }, config.policy)
  for (const app of config.apps) await publishApp({ database, leaves, settler }, app)
  const catalog = await readCatalog(database)
  const sinceMs = clock.nowMs()
  const holdings: RelayCore['holdings'] = (rules) =>
    describeHoldings({
      origin: publicOrigin,
      sinceMs,
      catalog,
      items: config.store === null ? 'own' : 'elsewhere',
      running: {
        ...rules,
        database: config.database ? 'elsewhere' : 'own',
        enrolment: config.enrolment.mode,
        hasOperatorKey: config.operatorJwk !== null,
        log: { vkey: logVkey, batchMs: config.batchMs, witnesses: places.map(({ key }) => encodeVkey(key)), quorum },
        pushServices: [...pushServices.hosts],
        appOrigins: [...config.appOrigins],
      },
    })
  const proofs = createProofMemory(database)
  const rules = createRules(
    {
      database,
      items,
      leaves,
      settler,
      feed,
      push: { services: pushServices, queue: pushes, applicationServerKey: vapid.publicKey, isMember },
      logReader,
      clock,
      log,
      failpoints,
      publicOrigin,
      signer,
      logSigner,
      witnesses: config.witnesses,
      brokerUrl: broker.url,
      logins: broker.logins,
      enrolment: config.enrolment,
      retentionDays: config.retentionDays,
      holdings,
      batchMs: config.batchMs,
      operator: config.operatorJwk ? thumbprintOf(config.operatorJwk) : null,
    },
    proofs,
  )

  // HTTP
  const metrics = createMetrics({
    logSize: async () => (await logStore.published())?.size ?? 0,
    eventStreams: () => feed.streamCount,
  })
  const app = await createApp({
    server: listener.server,
    publicOrigin,
    appOrigins: config.appOrigins,
    proxies: config.proxies,
    clock,
    log,
    nonces: createNonces(nonceKey, clock),
    proofs,
    callers: rules.callers,
    observe: metrics.observe,
    routes: rules.routes,
  })
  stack.defer(async () => {
    // They have no end of their own, and requests under way are waited for.
    feed[Symbol.dispose]()
    await app.close()
    await listener[Symbol.asyncDispose]()
  })

  // Jobs
  for (const job of [
    { name: 'retention', everyMs: RETENTION_EVERY_MS, run: rules.retain },
    { name: 'months', everyMs: MONTHS_EVERY_MS, run: rules.tellMonths },
    { name: 'rules', everyMs: RULES_EVERY_MS, run: rules.enactRules },
    { name: 'sweep', everyMs: SWEEP_EVERY_MS, run: rules.sweep },
    { name: 'daily', everyMs: DAILY_EVERY_MS, run: rules.daily },
  ]) {
    const shared = shareJob({ database, clock, instance: config.instance }, job)
    stack.use(scheduleJob({ clock, log }, job.name, job.everyMs, shared))
  }

  // Operator
  const operatorApp = createOperatorApp({
    metrics,
    checkReady: async () => {
      await Promise.all([database.query('SELECT 1'), logReader.checkpoint()])
    },
  })
  stack.defer(() => operatorApp.close())
  const operatorOrigin = await operatorApp.listen({ ...config.operatorListen })

  const running = stack.move()
  return {
    publicOrigin,
    operatorOrigin,
    brokerUrl: broker.url,
    logVkey,
    relayJwk: signer.jwk,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  }
}
