import { connectAsync } from 'mqtt'

/** Somebody at the household's broker who hears everything, as Home Assistant does. */
export interface HomeListener extends AsyncDisposable {
  /** What was heard at a topic, in order. */
  at(topic: string): readonly string[]
  /** What a newcomer is told at once, by topic. */
  readonly retained: ReadonlyMap<string, string>
  publish(topic: string, payload: string | Buffer, retain?: boolean): Promise<void>
}

/** Connects with `url` and listens to everything below it. */
export async function createHomeListener(
  url: string,
  user?: { readonly name: string; readonly password: string },
): Promise<HomeListener> {
  const credentials = user ? { username: user.name, password: user.password } : {}
  const client = await connectAsync(url, { ...credentials, protocolVersion: 5, reconnectPeriod: 20 })
  const heard = new Map<string, string[]>()
  const retained = new Map<string, string>()
  client.on('message', (topic, payload, packet) => {
    const text = payload.toString('latin1')
    if (packet.retain && text === '') retained.delete(topic)
    else if (packet.retain) retained.set(topic, text)
    heard.set(topic, [...(heard.get(topic) ?? []), text])
  })
  // Messages keep their retain flag, so that we see what a newcomer would.
  await client.subscribeAsync('#', { qos: 1, rap: true })
  return {
    at: (topic) => heard.get(topic) ?? [],
    retained,
    async publish(topic, payload, retain = false) {
      await client.publishAsync(topic, payload, { qos: 1, retain })
    },
    [Symbol.asyncDispose]: async () => {
      await client.endAsync(true)
    },
  }
}
