import { spawnSync } from 'node:child_process'
import { createCipheriv, createSecretKey } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { generateIdentity, randomBytes, sealItem } from '@latchkey/shared'
import { fastest, type Measurement, measurementOf } from './measure.ts'

const KIB = 1024
/** Two seconds of 2 Mbit/s and of 4 Mbit/s video: what the doorbell seals at a time. */
const ITEM_SIZES = [512 * KIB, 1024 * KIB]
/** About a minute of 4 Mbit/s video as one file, where the start of a process no longer counts. */
const STREAM_BYTES = 32 * KIB * KIB
const CHUNK_BYTES = 64 * KIB
const BATCH_BYTES = 8 * KIB * KIB
const ROUNDS = 60
const STREAM_ROUNDS = 10

/** What `age` writes for the same recipients; it only encrypts, where we also commit to key and plaintext. */
function runAge(recipients: readonly string[], input: string): void {
  const to = recipients.flatMap((recipient) => ['-r', recipient])
  const { status, error } = spawnSync('age', [...to, '-o', '/dev/null', input])
  if (error || status !== 0) throw new Error('age did not run; install it with: apt-get install -y age')
}

/** The floor: the cipher alone over the same bytes, in age's 64 KiB chunks, under one key. */
function encryptRaw(plaintext: Uint8Array): void {
  const key = createSecretKey(randomBytes(32))
  for (let at = 0; at < plaintext.length; at += CHUNK_BYTES) {
    const cipher = createCipheriv('chacha20-poly1305', key, new Uint8Array(12), { authTagLength: 16 })
    cipher.update(plaintext.subarray(at, at + CHUNK_BYTES))
    cipher.final()
    cipher.getAuthTag()
  }
}

/**
 * Seconds of the fastest of several calls in a row: warm, as in a doorbell that has run for a while, and short enough
 * to fall between two interruptions of a busy machine.
 */
function inARow(times: number, work: () => void): () => number {
  return () => {
    const seconds = Array.from({ length: times }, () => {
      const started = performance.now()
      work()
      return (performance.now() - started) / 1000
    })
    return Math.min(...seconds)
  }
}

interface Sealing {
  readonly sizeBytes: number
  readonly what: string
  readonly ageWhat: string
  readonly rounds: number
  /** Whether the project's goal is about this size. */
  readonly judged: boolean
}

async function benchSize(folder: string, sealing: Sealing): Promise<Measurement[]> {
  const { sizeBytes, what, ageWhat, rounds, judged } = sealing
  const times = Math.max(1, Math.floor(BATCH_BYTES / sizeBytes))
  const plaintext = randomBytes(sizeBytes)
  const input = join(folder, 'plain')
  writeFileSync(input, plaintext)
  // A household's smallest set: one member and the recovery key.
  const recipients = [generateIdentity().recipient, generateIdentity().recipient]
  const seconds = await fastest(
    {
      ours: inARow(times, () => void sealItem(plaintext, recipients)),
      age: () => runAge(recipients, input),
      raw: inARow(times, () => encryptRaw(plaintext)),
    },
    rounds,
  )
  const rate = (s: number) => sizeBytes / 1e6 / s
  const facts = { name: `seal ${what}, with commitments`, unit: 'MB/s', ours: rate(seconds.ours) }
  return [
    measurementOf(
      { ...facts, peer: { name: `age, ${ageWhat}`, value: rate(seconds.age) } },
      judged ? { ratioAtLeast: 5 } : undefined,
    ),
    measurementOf(
      { ...facts, peer: { name: 'chacha20-poly1305 alone', value: rate(seconds.raw) } },
      judged ? { ratioAtLeast: 0.5 } : undefined,
    ),
  ]
}

/**
 * Sealing against the stock `age` program and the cipher alone. Items are separate files, so the program that would do
 * the doorbell's work is `age` once per item; one long stream, where its start costs nothing, is shown beside it.
 */
export async function benchSeal(): Promise<Measurement[]> {
  const folder = mkdtempSync(join(tmpdir(), 'latchkey-bench-'))
  try {
    const lines: Measurement[] = []
    for (const sizeBytes of ITEM_SIZES) {
      const what = `an item of ${sizeBytes / KIB} KiB`
      lines.push(
        ...(await benchSize(folder, { sizeBytes, what, ageWhat: 'run per item', rounds: ROUNDS, judged: true })),
      )
    }
    const stream = { sizeBytes: STREAM_BYTES, what: '32 MiB at once', ageWhat: 'one run', judged: false }
    return [...lines, ...(await benchSize(folder, { ...stream, rounds: STREAM_ROUNDS }))]
  } finally {
    rmSync(folder, { recursive: true })
  }
}
