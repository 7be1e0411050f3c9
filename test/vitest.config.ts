import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { packModules } from './support/packed-modules.ts'

// Half the time of each program that a test starts is loading; Node keeps here what it has compiled.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))

// The soak loads what people load.
if (process.env['LATCHKEY_FULL'] !== '1') {
  const given = process.env['NODE_OPTIONS'] ?? ''
  process.env['NODE_OPTIONS'] = `${given} ${await packModules()}`.trim()
}

const PURE = ['unit/**/*.test.ts', 'vectors/**/*.test.ts', 'structure/**/*.test.ts']

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    // What is pure shares one module graph per worker: loading it anew for each of a hundred files took longer than the
    // tests. Everything that starts programs, listens or watches memory has a worker of its own.
    projects: [
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
      { extends: true, test: { name: 'real', include: ['**/*.test.ts'], exclude: [...PURE, '**/node_modules/**'] } },
    ],
    // Real brokers, databases and ffmpeg share the cores. One worker more than two cores uses the time that tests wait:
    // measured 361 s with two, 329 s with three; more only makes deadlines miss.
    maxWorkers: Math.max(3, availableParallelism()),
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
})
