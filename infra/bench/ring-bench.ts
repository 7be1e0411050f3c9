import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { type FileHandle, open } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type { MqttClient } from 'mqtt'
import { connectWhenUp, startMosquitto } from './home-broker.ts'
import { type Measurement, measurementOf, quantile } from './measure.ts'
import { endProgram, pairOnce, startDoorbell } from './paired-doorbell.ts'

const RINGS = 240
/** Presses within a quarter of a second are one ring. */
const GAP_MS = 270
/** Starting, and finding out that camera and relay are dead, are not what a doorbell does when somebody rings. */
const WARM_UP_MS = 5_000
const TIMEOUT_MS = 60_000
/** Nobody listens on it. */
const DEAD_CAMERA = 'rtsp://127.0.0.1:9/stream'

/** Resolves with the topic and moment of the next message that fits. */
function nextMessage(client: MqttClient, fits: (topic: string, text: string) => boolean): Promise<[string, number]> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('waited in vain for a message')), TIMEOUT_MS)
    function see(topic: string, payload: Buffer): void {
      if (!fits(topic, payload.toString())) return
      clearTimeout(timer)
      client.off('message', see)
      resolve([topic, performance.now()])
    }
    client.on('message', see)
  })
}

/** A key event of a 64-bit Linux: seconds, microseconds, EV_KEY, KEY_ENTER, down. */
function keyDown(): Buffer {
  const bytes = Buffer.alloc(24)
  const nowMs = Date.now()
  bytes.writeBigUInt64LE(BigInt(Math.floor(nowMs / 1000)), 0)
  bytes.writeBigUInt64LE(BigInt((nowMs % 1000) * 1000), 8)
  bytes.writeUInt16LE(1, 16)
  bytes.writeUInt16LE(28, 18)
  bytes.writeInt32LE(1, 20)
  return bytes
}

interface Delays {
  readonly ring: number[]
  readonly floor: number[]
}

/** Presses and plain publications in turns, so that both see the same machine. */
async function measure(listener: MqttClient, speaker: MqttClient, key: FileHandle): Promise<Delays> {
  const delays: Delays = { ring: [], floor: [] }
  for (let n = 0; n < RINGS; n++) {
    const heard = nextMessage(listener, (topic) => topic.endsWith('/ring'))
    const pressedMs = performance.now()
    await key.write(keyDown())
    delays.ring.push((await heard)[1] - pressedMs)
    const echo = nextMessage(listener, (topic, text) => topic === 'bench/floor' && text === String(n))
    const saidMs = performance.now()
    speaker.publish('bench/floor', String(n), { qos: 1 })
    delays.floor.push((await echo)[1] - saidMs)
    await delay(Math.max(0, pressedMs + GAP_MS - performance.now()))
  }
  return delays
}

/**
 * From the key event of a paired doorbell, whose camera and relay are both dead, to a subscriber of the home broker: a
 * real Mosquitto, a real process, the device a named pipe. The floor is the same way without a doorbell: one QoS 1
 * publication from this process to the same subscriber.
 */
export async function benchRing(parent: string): Promise<Measurement[]> {
  const folder = join(parent, 'ring')
  mkdirSync(folder)
  const paired = await pairOnce(folder)
  const device = join(folder, 'event0')
  execFileSync('mkfifo', [device])
  const { broker, url } = await startMosquitto(folder)
  const [listener, speaker] = [await connectWhenUp(url), await connectWhenUp(url)]
  await listener.subscribeAsync('#', { qos: 1 })
  const config = {
    ...paired,
    camera: { source: DEAD_CAMERA, name: 'Front door' },
    home: { broker: url },
    button: { input: { device } },
  }
  writeFileSync(join(folder, 'ring.json'), JSON.stringify(config))
  const recording = nextMessage(listener, (topic, text) => topic.endsWith('/status/recorder') && text === 'online')
  const agent = startDoorbell(join(folder, 'ring.json'))
  const key = await open(device, 'w')
  try {
    await recording
    await delay(WARM_UP_MS)
    const { ring, floor } = await measure(listener, speaker, key)
    const line = (share: number) => ({
      name: `ring → home broker, camera and relay dead, p${share * 100} of ${RINGS}`,
      unit: 'ms',
      ours: quantile(ring, share),
      peer: { name: 'plain publication', value: quantile(floor, share) },
    })
    return [measurementOf(line(0.5)), measurementOf(line(0.99), { under: 150 })]
  } finally {
    await key.close()
    await endProgram(agent)
    for (const client of [listener, speaker]) await client.endAsync(true)
    await endProgram(broker)
  }
}
