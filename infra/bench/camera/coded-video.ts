import { execFileSync } from 'node:child_process'
import { createTrackDemuxer } from '../../../device-agent/src/camera/fmp4-demuxer.ts'
import { parseInit } from '../../../device-agent/src/camera/fmp4-init.ts'
import type { AccessUnit, RtpCodec } from './rtp-video.ts'

/** A file in memory, ready to be sent again and again. */
export interface CodedVideo {
  readonly codec: RtpCodec
  readonly parameterSets: readonly Uint8Array[]
  readonly units: readonly (AccessUnit & { readonly keyframe: boolean })[]
  /** Length of the whole, 90 kHz. */
  readonly durationTicks: number
}

/** `path` as fMP4 with one picture per fragment, as the agent's ingest makes it. */
export function fragmentedMp4(path: string, flags = 'frag_every_frame'): Buffer {
  const muxing = ['-f', 'mp4', '-movflags', `+${flags}+empty_moov+default_base_moof+skip_trailer`]
  const args = ['-nostdin', '-v', 'error', '-i', path, '-map', '0:v:0', '-c', 'copy', ...muxing, 'pipe:1']
  return execFileSync('ffmpeg', args, { maxBuffer: 1 << 28 })
}

/** @see ISO/IEC 14496-15 §5.3.3.1, §8.3.3.1 */
function parameterSetsOf(init: Uint8Array, codec: RtpCodec): Uint8Array[] {
  const bytes = Buffer.from(init)
  const isH264 = codec === 'h264'
  let at = isH264 ? bytes.indexOf('avcC') + 4 + 5 : bytes.indexOf('hvcC') + 4 + 22
  const sets: Uint8Array[] = []
  const kinds = isH264 ? 2 : bytes[at++]!
  for (let kind = 0; kind < kinds; kind++) {
    const count = isH264 ? bytes[at++]! & 0x1f : bytes.readUInt16BE(at + 1)
    if (!isH264) at += 3
    for (let i = 0; i < count; i++) {
      const sizeBytes = bytes.readUInt16BE(at)
      sets.push(bytes.subarray(at + 2, at + 2 + sizeBytes))
      at += 2 + sizeBytes
    }
  }
  return sets
}

function nalUnitsOf(data: Uint8Array): Uint8Array[] {
  const bytes = Buffer.from(data)
  const units: Uint8Array[] = []
  for (let at = 0; at < bytes.length;) {
    const sizeBytes = bytes.readUInt32BE(at)
    units.push(bytes.subarray(at + 4, at + 4 + sizeBytes))
    at += 4 + sizeBytes
  }
  return units
}

/** Reads the video of `path`. */
export function loadCodedVideo(path: string): CodedVideo {
  const parts = createTrackDemuxer((ftyp, moov) => parseInit(ftyp, moov, true)).push(fragmentedMp4(path))
  const format = parts.find((part) => part.kind === 'init')!.init.format
  const scale = 90_000 / format.timescale
  const samples = parts.flatMap((part) => (part.kind === 'fragment' ? part.samples : []))
  const { codec } = format
  const parameterSets = parameterSetsOf(format.init, codec)
  const units = samples.map(({ data, ptsTicks, sync }) => ({
    nalUnits: sync ? [...parameterSets, ...nalUnitsOf(data)] : nalUnitsOf(data),
    timestamp: Math.round(ptsTicks * scale),
    keyframe: sync,
  }))
  const last = samples.at(-1)!
  return { codec, parameterSets, units, durationTicks: Math.round((last.ptsTicks + last.durationTicks) * scale) }
}
