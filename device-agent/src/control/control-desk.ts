import type { AcceptedPhones, AgentSnapshot, ControlNews, PairingAddress } from './control-message.ts'

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
  /**
   * Says yes to the phone that waits to be added, as three presses of the button do.
   * @throws NOT_FOUND when none waits; UNAVAILABLE; KEYSET_INVALID | SIGNATURE_INVALID when no owner of this household asks
   */
  acceptPhone(): Promise<AcceptedPhones>
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
