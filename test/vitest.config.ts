import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { defineConfig } from 'vitest/config'
import { BaseSequencer, type TestSpecification } from 'vitest/node'
import { packModules } from './support/packed-modules.ts'

// Half the time of each program that a test starts is loading; Node keeps here what it has compiled.
process.env['NODE_COMPILE_CACHE'] ??= fileURLToPath(new URL('../node_modules/.cache/compiled', import.meta.url))

// The soak loads what people load.
if (process.env['LATCHKEY_FULL'] !== '1') {
  const given = process.env['NODE_OPTIONS'] ?? ''
  process.env['NODE_OPTIONS'] = `${given} ${await packModules()}`.trim()
}

const PURE = ['unit/**/*.test.ts', 'vectors/**/*.test.ts', 'structure/**/*.test.ts']

/** These look at their whole process, its memory or its children, or end what they run in ways that may leave a trace. */
const ALONE = [
  'fault/**/*.test.ts',
  'abuse/bad-input-*.test.ts',
  'flow/{start,walkthrough,blind-relay,command-line}.test.ts',
  'flow/agent-{network-camera,privacy}.test.ts',
  'seams/{camera-changes,camera-treatment,rtsp-to-camera}.test.ts',
]

/** What takes long begins first: whatever begins last is waited for with a core idle. */
const LONGEST = [
  ...[
    'flow/start',
    'flow/walkthrough',
    'flow/blind-relay',
    'flow/desk',
    'fault/failpoints-relay',
    'flow/phone-household',
  ],
  ...['flow/phone-timeline', 'flow/phone-restore', 'flow/phone-lies', 'seams/camera-to-clip', 'flow/phone-decide'],
]

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const sorted = await super.sort(files)
    const rank = ({ moduleId, project }: TestSpecification) => {
      const place = LONGEST.findIndex((name) => moduleId.endsWith(`/${name}.test.ts`))
      return `${project.name} ${place < 0 ? LONGEST.length : place}`
    }
    return sorted.sort((a, b) => (rank(a) < rank(b) ? -1 : Number(rank(a) > rank(b))))
  }
}

export default defineConfig({
  root: fileURLToPath(new URL('.', import.meta.url)),
  test: {
    // Loading the relay, the agent and what they stand on takes a second of each file that has a process of its own, and
    // code that has run before runs faster. Projects begin in the order of their names: the small files fill the end.
    projects: [
      { extends: true, test: { name: 'alone', include: ALONE } },
      {
        extends: true,
        test: {
          name: 'joint',
          include: ['**/*.test.ts'],
          exclude: [...PURE, ...ALONE, '**/node_modules/**'],
          isolate: false,
        },
      },
      { extends: true, test: { name: 'pure', include: PURE, isolate: false } },
    ],
    globalSetup: './support/engines-setup.ts',
    sequence: { sequencer: LongestFirst },
    // Real brokers, databases and ffmpeg share the cores. One worker more than two cores uses the time that tests wait:
    // measured 361 s with two, 329 s with three; more only makes deadlines miss.
    maxWorkers: Math.max(3, availableParallelism()),
    // A page says two things one frame apart: what is read of it is asked again until it is so.
    expect: { poll: { timeout: 20_000, interval: 20 } },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 20_000,
  },
})
