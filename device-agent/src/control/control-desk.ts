import type { AgentSnapshot, ControlNews, PairingAddress } from './control-message.ts'

/** What can be asked of a running agent from the machine it runs on; the composition root builds it. */
export interface ControlDesk {
  snapshot(): Promise<AgentSnapshot>
  /** Secret: the address that pairs this device, while it is unpaired. */
  pairingAddress(): PairingAddress
  /**
   * The newest keyframe as JPEG, made in memory.
   * @throws UNAVAILABLE while there is no picture, privacy mode included
   */
  still(): Promise<Uint8Array>
  /** Tells everything from now on, until the returned function is called. */
  observe(observer: (news: ControlNews) => void): () => void
  /** Presses the simulated button; null when it bounced. */
  ring(): string | null
  /** @throws UNAVAILABLE while unpaired, and node's file system errors */
  setPrivacy(on: boolean): Promise<void>
  /**
   * Reads the configuration again and applies it.
   * @throws CONFIG_INVALID when it is not acceptable (what ran goes on), UNAVAILABLE where nothing can reload
   */
  reload(): Promise<void>
}
