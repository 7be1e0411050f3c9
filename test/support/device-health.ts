import type { Health } from '@latchkey/shared'

/** What a doorbell says of itself when there is nothing to say. */
export const QUIET_HEALTH: Health = {
  v: 1,
  software: 'latchkey-test/1',
  camera: 'on',
  spoolItems: 0,
  spoolBytes: 0,
  outboxEvents: 0,
  freeBytes: 0,
  droppedClips: 0,
  uptimeMs: 0,
  storage: 'ok',
  writtenBytes: 0,
}
