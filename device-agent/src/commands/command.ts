/** What a command is given of the world; `main.ts` alone reads it. */
export interface CommandContext {
  /** What stood behind the command's name. */
  readonly args: readonly string[]
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** One verb of `latchkey-agent`. */
export interface Command {
  /** As typed; two words are allowed: `config check`. */
  readonly name: string
  /** One line for the list of commands. */
  readonly summary: string
  /** What `latchkey-agent NAME --help` prints. */
  readonly help: string
  /**
   * Does it. Resolves to the exit code: 0 done, 1 failed or refused.
   * @throws USAGE for arguments that make no sense, which ends in exit code 2, and whatever else stands in the way
   */
  run(context: CommandContext): Promise<number>
}

/** Where the package installs it. */
export const DEFAULT_CONFIG_PATH = '/etc/latchkey/agent.yml'
