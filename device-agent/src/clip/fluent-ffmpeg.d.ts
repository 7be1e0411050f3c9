/** The few calls of fluent-ffmpeg 2.1.3 that `ffmpeg-poster.ts` makes; the package ships no types. */
declare module 'fluent-ffmpeg' {
  import type { Readable, Writable } from 'node:stream'

  interface FfmpegCommand {
    setFfmpegPath(path: string): FfmpegCommand
    inputFormat(format: string): FfmpegCommand
    inputOptions(options: string[]): FfmpegCommand
    outputOptions(options: string[]): FfmpegCommand
    format(format: string): FfmpegCommand
    on(event: 'error', listener: (error: Error) => void): FfmpegCommand
    on(event: 'end', listener: () => void): FfmpegCommand
    pipe(stream: Writable, options: { end: boolean }): Writable
    kill(signal: NodeJS.Signals): FfmpegCommand
  }
  export default function ffmpeg(options: { source: Readable; timeout: number }): FfmpegCommand
}
