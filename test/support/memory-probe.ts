/**
 * Loaded into a program before its own (`--import`): at each SIGUSR2 that program collects its garbage and says on stderr
 * what it still holds.
 * @see ./memory-watch.ts, heldMemory
 */
import { heldMemory } from './memory-watch.ts'

process.on('SIGUSR2', () => process.stderr.write(`held ${JSON.stringify(heldMemory())}\n`))
