import type { ClipSink } from './flow.ts'

/** The same sink; `onPicture` gets the JPEG of every clip on its way there. */
export function tellPictures(sink: ClipSink, onPicture: (jpeg: Uint8Array) => void): ClipSink {
  return {
    start: (start) => sink.start(start),
    end: (end) => sink.end(end),
    item(clip, item) {
      if (item.kind === 'poster') onPicture(item.bytes)
      return sink.item(clip, item)
    },
  }
}
