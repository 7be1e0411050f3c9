import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { RunTool } from '../doctor/finding.ts'

/** A camera that the machine seems to have. */
export interface FoundCamera {
  /** As `camera.source` takes it. */
  readonly source: string
  readonly label: string
}

/** Video devices that are no cameras: coders and image processors of the Pi and of graphics cards. */
const NO_CAMERA = /codec|isp|hevc|decoder|encoder|rpivid|pispbe|rp1-cfe|unicam|loopback dummy/i

async function videoDevices(sysPath: string): Promise<FoundCamera[]> {
  const folder = join(sysPath, 'class', 'video4linux')
  const names = (await readdir(folder).catch(() => [])).filter((name) => /^video\d+$/.test(name))
  const found = await Promise.all(
    names.map(async (device) => {
      const [name, index] = await Promise.all(
        ['name', 'index'].map((file) => readFile(join(folder, device, file), 'utf8').catch(() => '')),
      )
      // A webcam's second device carries its metadata.
      if (index!.trim() !== '0' || NO_CAMERA.test(name!)) return []
      return [{ source: `/dev/${device}`, label: `${printable(name!)} (/dev/${device})` }]
    }),
  )
  return found.flat().sort((a, b) => a.source.localeCompare(b.source, 'en', { numeric: true }))
}

/** Untrusted: a USB device chooses its own name. */
const printable = (name: string): string =>
  name
    .trim()
    .replaceAll(/[^\x20-\x7e]/g, '?')
    .slice(0, 60)

/** `0 : imx708 [4608x2592 …]` → `imx708`; empty when the list is. Untrusted: `text`. */
export function parseRpicamList(text: string): string[] {
  return [...text.matchAll(/^\s*\d+ : (\w{1,40}) \[/gm)].map((match) => match[1]!)
}

/** Cameras at the ribbon cable and at USB. */
export async function findCameras(run: RunTool, sysPath: string): Promise<readonly FoundCamera[]> {
  const list = (await run('rpicam-hello', ['--list-cameras'])) ?? (await run('libcamera-hello', ['--list-cameras']))
  const ribbon = parseRpicamList(list?.stdout ?? '').slice(0, 1)
  return [
    ...ribbon.map((sensor) => ({ source: 'rpicam', label: `Raspberry Pi camera (${sensor})` })),
    ...(await videoDevices(sysPath)),
  ]
}
