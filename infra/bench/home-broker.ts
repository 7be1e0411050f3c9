/** A home broker, as a real process. */
import { type ChildProcess, spawn } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { connectAsync, type MqttClient } from 'mqtt'
import { findFreePort } from '../local/port.ts'

/** A broker of the household's own on a free port of the loopback interface. */
export async function startMosquitto(folder: string): Promise<{ broker: ChildProcess; url: string }> {
  const port = await findFreePort()
  const config = join(folder, 'mosquitto.conf')
  writeFileSync(config, `listener ${port} 127.0.0.1\nallow_anonymous true\npersistence false\nuser root\n`)
  const env = { PATH: `${process.env['PATH']}:/usr/sbin` }
  const broker = spawn('mosquitto', ['-c', config], { stdio: 'ignore', env })
  return { broker, url: `mqtt://127.0.0.1:${port}` }
}

/** A client of a broker that is just starting. */
export async function connectWhenUp(url: string): Promise<MqttClient> {
  for (let tries = 0; ; tries++) {
    try {
      return await connectAsync(url, { protocolVersion: 5, reconnectPeriod: 0 })
    } catch (error) {
      if (tries > 100) throw error
      await delay(50)
    }
  }
}
