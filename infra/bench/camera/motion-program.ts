import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Starts Debian's `motion` on a network camera as its manual advises for little work: movies passed through as they
 * come, no pictures, no web server.
 */
export function startMotion(url: string, folder: string, framesPerSecond: number): ChildProcess {
  mkdirSync(folder, { recursive: true })
  const path = join(folder, 'motion.conf')
  const settings = {
    daemon: 'off',
    setup_mode: 'off',
    log_level: 4,
    netcam_url: url,
    width: 1920,
    height: 1080,
    framerate: framesPerSecond,
    target_dir: folder,
    movie_output: 'on',
    movie_passthrough: 'on',
    picture_output: 'off',
    webcontrol_port: 0,
    stream_port: 0,
  }
  const lines = Object.entries(settings).map(([key, value]) => `${key} ${value}\n`)
  writeFileSync(path, lines.join(''))
  return spawn('motion', ['-n', '-c', path], { stdio: 'ignore' })
}
