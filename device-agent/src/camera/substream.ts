import { LatchkeyError } from '@latchkey/shared'
import { type CodedFrame, type VideoFormat } from '../flow.ts'
import { createTroubleKeeper } from './camera-trouble.ts'
import { type CameraOptions, createCamera } from './camera.ts'
import { isLive } from './source.ts'

/** A second, cheaper stream of the same camera. */
export interface SubstreamOptions extends Omit<CameraOptions, 'onLost'> {
  readonly onFormat: (format: VideoFormat) => void
  readonly onFrame: (frame: CodedFrame, fragment: readonly Uint8Array[]) => void
  /** Waited for between frames by a stream that can wait. */
  readonly ready: () => Promise<void>
  /** It is away, for now or for good; called only after `onFormat`. */
  readonly onLost: () => void
  /** It cannot be used, for now or for good: told once per reason. */
  readonly onFault: (error: unknown) => void
}

/** A running substream; ends with `stop`. */
export interface Substream {
  stop(): Promise<void>
}

/** Starts reading at once, and goes on until stopped, the file ends or the stream turns out to be of no use. */
export function startSubstream(options: SubstreamOptions): Substream {
  const stopping = new AbortController()
  const trouble = createTroubleKeeper(({ code, text }) => {
    if (code === 'SOURCE_UNSUPPORTED') options.onFault(new LatchkeyError(code, text))
  })
  let on = false

  function lose(): void {
    if (on) options.onLost()
    on = false
  }

  async function run(): Promise<void> {
    for await (const event of createCamera({ ...options, audio: false, onLost: trouble.begin }).events(
      stopping.signal,
    )) {
      if (event.kind === 'state' && event.state !== 'on') lose()
      if (event.kind === 'format') {
        on = true
        options.onFormat(event.format)
      }
      if (event.kind === 'frame') options.onFrame(event.frame, event.fragment)
      if (!isLive(options.source)) await options.ready()
    }
  }

  const done = run()
    .catch((error: unknown) => options.onFault(error))
    .finally(lose)
  return {
    async stop() {
      stopping.abort()
      await done
    },
  }
}
