import type { AgentSnapshot } from '../../device-agent/src/control/control-message.ts'

/** A doorbell in good health, at a quarter past eight in the evening. */
export function testSnapshot(): AgentSnapshot {
  const nowMs = Date.UTC(2026, 10, 22, 20, 14)
  const startedMs = Date.UTC(2026, 10, 22, 9, 12)
  const ring = { kind: 'door', event: 'AAAAAAAAAAAAAAAAAAAAAA', trigger: 'ring', atMs: nowMs - 19 * 60_000 } as const
  return {
    v: 1,
    nowMs,
    startedMs,
    camera: {
      name: 'Front door',
      state: 'on',
      sinceMs: startedMs,
      trouble: null,
      stream: { codec: 'h264', width: 1280, height: 720, gopMs: 1_000, framesPerSecond: 15 },
    },
    pairing: { paired: true, device: 'abc' },
    relay: { origin: 'https://relay.example', connected: true, waitingEvents: 0 },
    spool: { clips: 0, items: 0, bytes: 0, droppedClips: 0 },
    clock: { source: 'ntp', uncertaintyMs: 12, checkedMs: nowMs },
    disk: { freeBytes: 41_234_567_890, minimumFreeBytes: 268_435_456 },
    software: { agent: 'latchkey-agent/0.1.0', node: 'v24.21.0', ffmpeg: '7.1' },
    counts: { motions: 5, rings: 2, clips: 6, uploaded: 6 },
    recent: [ring],
  }
}
