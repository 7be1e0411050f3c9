import { LatchkeyError } from '@latchkey/shared'
import { parseArgs, type ParseArgsOptionsConfig } from 'node:util'

/**
 * What stands behind a command's name, as its options say.
 * @throws USAGE for anything else, naming the option that is wrong
 */
export function parseOptions<const T extends ParseArgsOptionsConfig>(
  args: readonly string[],
  { command, options }: { command: string; options: T },
) {
  try {
    return parseArgs({ args: [...args], options, strict: true, allowPositionals: false }).values
  } catch (cause) {
    // Node's words name the option, never what was given to it.
    const reason = cause instanceof Error ? cause.message.split('. ')[0] : 'wrong options'
    throw new LatchkeyError('USAGE', `${reason}; see latchkey-agent ${command} --help`, { cause })
  }
}
