import { randomBytes, toHex } from '@latchkey/shared'
import { open, readFile, realpath, rm, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import { DEFAULTS } from '../../config.ts'
import { type Finding, findingsOf, type Patient, sizeWords } from './finding.ts'

const finding = findingsOf('disk')

/** What `/proc/self/mountinfo` says of a file system. */
export interface Mount {
  readonly point: string
  readonly readOnly: boolean
  readonly type: string
  /** `/dev/mmcblk0p2`, or a name of no device. */
  readonly device: string
}

/**
 * The mount that `path` lies on. Untrusted: `text`. Null when nothing fits.
 * @param path absolute, without symbolic links
 * @see proc_pid_mountinfo(5)
 */
export function parseMount(text: string, path: string): Mount | null {
  let best: Mount | null = null
  for (const line of text.split('\n')) {
    const [front, back] = line.split(' - ')
    const [, , , , rawPoint, options] = front?.split(' ') ?? []
    const [type, device, superOptions] = back?.split(' ') ?? []
    if (rawPoint === undefined || options === undefined || type === undefined || device === undefined) continue
    const point = rawPoint.replaceAll(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(parseInt(octal, 8)))
    const isOn = path === point || path.startsWith(point.endsWith('/') ? point : `${point}/`)
    if (!isOn || point.length < (best?.point.length ?? 0)) continue
    const readOnly = [options, superOptions ?? ''].some((list) => list.split(',').includes('ro'))
    best = { point, readOnly, type, device }
  }
  return best
}

/** eMMC tells how much of its life is used, in tenths. @see JESD84-B51 §7.4, DEVICE_LIFE_TIME_EST */
async function wearWords({ device }: Mount, sysPath: string): Promise<string> {
  const disk = /^\/dev\/(mmcblk\d+)p\d+$/.exec(device)?.[1]
  if (disk === undefined) return ''
  const text = await readFile(join(sysPath, 'block', disk, 'device', 'life_time'), 'latin1').catch(() => '')
  const tenths = [...text.matchAll(/0x([0-9a-f]{2})/g)].map((match) => parseInt(match[1]!, 16))
  const worst = Math.max(0, ...tenths)
  if (worst === 0) return ', an SD card that does not tell its wear'
  return worst > 10 ? ', flash beyond its life' : `, flash worn ${(worst - 1) * 10} to ${worst * 10} %`
}

/** Whether a file can be made and made durable there. */
async function writeProbe(directory: string): Promise<NodeJS.ErrnoException | null> {
  const path = join(directory, `.doctor.${toHex(randomBytes(6))}.tmp`)
  try {
    const handle = await open(path, 'wx', 0o600)
    try {
      await handle.writeFile('can this be written?\n')
      await handle.sync()
    } finally {
      await handle.close()
    }
    return null
  } catch (error) {
    return error as NodeJS.ErrnoException
  } finally {
    await rm(path, { force: true }).catch(() => {})
  }
}

function writeFinding(error: NodeJS.ErrnoException, directory: string): Finding {
  const code = error.code ?? 'unknown'
  if (code === 'EACCES' || code === 'EPERM')
    return finding.skip(`${directory} belongs to another user: try again with sudo`)
  if (code === 'ENOSPC' || code === 'EDQUOT')
    return finding.fail(`${directory} is full`, 'free some space: sudo du -xh --max-depth=2 / | sort -h | tail')
  if (code === 'EROFS')
    return finding.fail(`${directory} is read-only`, 'look for disk errors: sudo dmesg | grep -i -e mmc -e ext4')
  return finding.fail(`${directory} cannot be written: ${code}`, 'sudo dmesg | tail -50')
}

async function checkDirectory(directory: string, { config, sysPath }: Patient): Promise<Finding> {
  const mount = parseMount(await readFile('/proc/self/mountinfo', 'utf8').catch(() => ''), await realpath(directory))
  if (mount?.readOnly === true) return writeFinding({ name: '', message: '', code: 'EROFS' }, directory)
  const refused = await writeProbe(directory)
  if (refused !== null) return writeFinding(refused, directory)
  if (((await stat(directory)).mode & 0o077) !== 0)
    return finding.fail(`other users can look into ${directory}`, `sudo chmod 700 ${directory}`)
  const { bavail, bsize } = await statfs(directory)
  const [free, minimum] = [bavail * bsize, config.spool?.minimumFreeBytes ?? DEFAULTS.minimumFreeBytes]
  const wear = mount === null ? '' : await wearWords(mount, sysPath)
  const text = `${sizeWords(free)} free in ${directory} (${mount?.type ?? 'unknown file system'}${wear})`
  if (free < minimum)
    return finding.fail(
      `${text}, less than the ${sizeWords(minimum)} to be left free: old clips are given up for new ones`,
      'free some space, or lower spool.minimumFreeBytes',
    )
  if (mount?.type === 'tmpfs')
    return finding.warn(`${text}, gone after a power cut`, 'put dataDir on a disk: clips wait there for the relay')
  if (wear.includes('beyond')) return finding.warn(text, 'replace the card before it fails')
  if (free < 2 * minimum) return finding.warn(text, 'free some space: clips wait here when the relay is away')
  return finding.pass(text)
}

/** The data directory: there, writable, ours, with room. */
export async function checkDisk(patient: Patient): Promise<Finding> {
  const directory = patient.config.dataDir
  const there = await stat(directory).catch((error: unknown) => error as NodeJS.ErrnoException)
  if (!('isDirectory' in there)) {
    if (there.code === 'EACCES') return finding.skip(`${directory} belongs to another user: try again with sudo`)
    return finding.fail(`${directory} is not there`, 'sudo latchkey-agent setup')
  }
  if (!there.isDirectory()) return finding.fail(`${directory} is no directory`, 'name another one in dataDir')
  return checkDirectory(directory, patient)
}
