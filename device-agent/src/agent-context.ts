import type { CameraSource } from './camera/source.ts'
import type { AgentConfig } from './config.ts'
import type { Clock } from './kernel/clock.ts'
import type { DataDisk } from './kernel/data-disk.ts'
import type { Failpoints } from './kernel/failpoint.ts'
import type { Log } from './kernel/log.ts'
import type { DeviceKey } from './keys/device-key.ts'
import type { PairingDisplay } from './keys/pairing.ts'

/** What a test or a main program may put in the place of the ordinary parts. */
export interface AgentParts {
  readonly clock?: Clock
  readonly log?: Log
  /** Uniform in [0, 1). */
  readonly random?: () => number
  readonly failpoints?: Failpoints
  /** The value of `PATH`, where ffmpeg is looked for. */
  readonly searchPath?: string
  /** The operator's choice of ffmpeg. */
  readonly ffmpegPath?: string
  readonly display?: Partial<PairingDisplay>
  /** Pause between two looks into the pairing mailbox. */
  readonly pairingPollMs?: number
  /** Mean of the first pause after a failure of upload or link. */
  readonly retryBaseMs?: number
  /** Reads the configuration again, for those who may ask a running agent to. @throws CONFIG_INVALID */
  readonly loadConfig?: () => Promise<AgentConfig>
}

/** What the whole agent has in common. */
export interface AgentContext {
  readonly config: AgentConfig
  readonly parts: AgentParts
  readonly clock: Clock
  readonly log: Log
  readonly random: () => number
  readonly failpoints: Failpoints
  readonly source: CameraSource
  /** What motion is looked for in, if not in the source. */
  readonly substream: CameraSource | undefined
  readonly signer: DeviceKey
  readonly disk: DataDisk
}
