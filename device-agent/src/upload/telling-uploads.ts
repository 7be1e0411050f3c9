import type { UploadQueue } from '../flow.ts'

/** The same queue, which calls `onUploaded` with a clip when the relay has signed for its last revision. */
export function tellingUploads<Q extends UploadQueue>(queue: Q, onUploaded: (clip: string) => void): Q {
  return {
    ...queue,
    async keepManifestReceipt(clip: string, revision: number, receipt: string): Promise<void> {
      const held = queue.clips().find((candidate) => candidate.clip === clip)?.payload.latchkey
      await queue.keepManifestReceipt(clip, revision, receipt)
      if (held?.open === false && held.revision === revision) onUploaded(clip)
    },
  }
}
