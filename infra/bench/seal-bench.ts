import { spawnSync } from 'node:child_process'
import { createCipheriv } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateIdentity, randomBytes, sealItem } from '@latchkey/shared'
import { compare, type Comparison, fastest } from './measure.ts'

/** About a minute of 4 Mbit/s video, sealed in pieces the size of two seconds of it. */
const TOTAL_BYTES = 32 * 1024 * 1024
const ITEM_BYTES = 1024 * 1024
const ROUNDS = 5

function runAge(recipient: string, input: string): void {
  const { status, error } = spawnSync('age', ['-r', recipient, '-o', '/dev/null', input])
  if (error || status !== 0) throw new Error('age did not run; install it with: apt-get install -y age')
}

function sealAll(plaintext: Uint8Array, recipients: readonly string[]): void {
  for (let at = 0; at < TOTAL_BYTES; at += ITEM_BYTES) sealItem(plaintext.subarray(at, at + ITEM_BYTES), recipients)
}

/** The floor: the cipher alone over the same bytes in the same 64 KiB chunks. */
function encryptRaw(plaintext: Uint8Array): void {
  const key = randomBytes(32)
  for (let at = 0; at < TOTAL_BYTES; at += 65_536) {
    const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: 16 })
    cipher.update(plaintext.subarray(at, at + 65_536))
    cipher.final()
    cipher.getAuthTag()
  }
}

/** Sealing against the stock `age` program and against the raw cipher. Process start counts for `age`, over 32 MiB. */
export async function benchSeal(): Promise<Comparison[]> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const plaintext = randomBytes(TOTAL_BYTES)
    const input = join(folder, 'plain')
    writeFileSync(input, plaintext)
    const recipients = [generateIdentity().recipient, generateIdentity().recipient]
    const seconds = await fastest(
      {
        ours: () => sealAll(plaintext, recipients),
        age: () => runAge(recipients[0]!, input),
        raw: () => encryptRaw(plaintext),
      },
      ROUNDS,
    )
    const rate = (s: number) => TOTAL_BYTES / 1e6 / s
    const ours = rate(seconds.ours)
    return [
      compare(
        { name: 'seal, commitments included', unit: 'MB/s', ours, peer: 'age', theirs: rate(seconds.age) },
        { atLeast: 5 },
      ),
      compare(
        {
          name: 'seal, commitments included',
          unit: 'MB/s',
          ours,
          peer: 'raw chacha20-poly1305',
          theirs: rate(seconds.raw),
        },
        { atLeast: 0.5 },
      ),
    ]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
