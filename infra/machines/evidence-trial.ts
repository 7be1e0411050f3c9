/** The evidence on a machine that has nothing of this project: what the README tells an investigator to type, word for word. */
import { spawn } from 'node:child_process'
import { copyFileSync, mkdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type BaseSystem, createMachine, prepareBase, ROOT } from './debian-chroot.ts'
import type { HostConfiguration } from './host-configuration.ts'
import { createSite, type Outcome } from './machine-site.ts'

const PROJECT = fileURLToPath(new URL('../../', import.meta.url))
/** Beside coreutils, which every Debian has. */
const COURT_BASE: BaseSystem = { architecture: 'native', packages: ['age', 'ffmpeg', 'unzip'] }
/** Where the README's commands find the evidence. */
const CASE = '/tmp/case'

/** Where it is tried. */
export interface EvidenceTrial {
  readonly folder: string
  readonly host: HostConfiguration
  readonly keep: boolean
  readonly stop: AbortSignal
  readonly report: (outcome: Outcome) => void
}

/** The commands below "Check it without any code of this project": the very ones that a reader copies. */
export function commandsOfReadme(text: string): string {
  const [, commands] = /Check it without any code of this project:\n\n```\n(.+?)```/s.exec(text) ?? []
  if (commands === undefined) throw new Error('the README has no commands to check the evidence with')
  return commands
}

/** Evidence as the walkthrough leaves it. */
function makeEvidence(out: string, { folder, stop }: EvidenceTrial): Promise<void> {
  rmSync(out, { recursive: true, force: true })
  const args = ['infra/local/start.ts', '--walkthrough', '--out', out, '--data', join(folder, 'evidence-data')]
  const child = spawn(process.execPath, args, { cwd: PROJECT, stdio: ['ignore', 'inherit', 'inherit'], signal: stop })
  return new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', (code) => (code === 0 ? resolve() : reject(new Error(`the walkthrough ended with ${code}`))))
  })
}

/** SHA-256 of the original as `latchkey open` wrote it beside the verified evidence. */
function sha256OfOriginal(sums: string): string {
  const [, sum] = /^([0-9a-f]{64}) [ *]original\.mp4$/m.exec(sums) ?? []
  if (sum === undefined) throw new Error('SHA256SUMS has no original.mp4')
  return sum
}

/** Bundle and key on a machine with age, unzip and ffmpeg of Debian's: opened, the same bytes, playable. */
export async function tryEvidence(trial: EvidenceTrial): Promise<void> {
  const { folder, host, keep, stop, report } = trial
  console.log('evidence: age, unzip, coreutils and ffmpeg, and nothing of this project')
  const made = join(folder, 'evidence')
  await makeEvidence(made, trial)
  const tarball = prepareBase(folder, host, COURT_BASE)
  const machine = createMachine(join(folder, 'court'), { tarball, host, stop })
  try {
    const at = join(machine.folder, CASE)
    mkdirSync(at, { recursive: true })
    for (const file of ['bundle.zip', 'requester.key']) copyFileSync(join(made, file), join(at, file))
    const site = createSite(machine, { name: 'court', account: ROOT, project: '/tmp', logs: folder, report })
    await site.check('nothing of ours', '! command -v node && ! command -v latchkey')
    const commands = commandsOfReadme(readFileSync(join(PROJECT, 'README.md'), 'utf8'))
    await site.check('as the README says', `(set -e\n${commands.trimEnd()})`)
    const sum = sha256OfOriginal(readFileSync(join(made, 'opened', 'SHA256SUMS'), 'utf8'))
    await site.check('the same bytes', `echo '${sum}  ${CASE}/bag/original.mp4' | sha256sum --check --strict`)
    const frames = `ffprobe -v error -count_frames -select_streams v -show_entries stream=codec_name,nb_read_frames -of csv=p=0 ${CASE}/bag/original.mp4`
    await site.check('every frame', frames, (code, output) => code === 0 && /^h264,[1-9]\d+\n$/.test(output))
  } finally {
    if (!keep) machine.remove()
  }
}
