import { findFreePort } from '../../infra/local/port.ts'
import type { Gate } from './kill-gate.ts'
import { createRelayWorld } from './relay-world.ts'

/** A relay on its own database whose HTTP and whose broker can each go away; `comeBack` leads both to it again. */
export async function createRelayBehindGates(databaseUrl: string, gates: { http: Gate; broker: Gate }) {
  const [port, brokerPort] = [await findFreePort(), await findFreePort()]
  const world = await createRelayWorld({
    config: {
      publicOrigin: `http://127.0.0.1:${gates.http.port}`,
      enrolment: 'open',
      listen: { host: '127.0.0.1', port },
      broker: { host: '127.0.0.1', port: brokerPort, url: `mqtt://127.0.0.1:${gates.broker.port}` },
      databaseUrl,
    },
  })
  function comeBack(): void {
    gates.http.lead(port)
    gates.broker.lead(brokerPort)
  }
  comeBack()
  return { world, comeBack }
}
