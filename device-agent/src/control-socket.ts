import type { AgentConfig } from './config.ts'

/** Where the package keeps the agent's state; its service has a runtime directory as well. */
const PACKAGED_DATA_DIR = '/var/lib/latchkey'
const PACKAGED_SOCKET = '/run/latchkey/control.sock'

/** Absolute path of the socket on which the agent of this configuration can be asked. */
export function controlSocketPath({ control, dataDir }: AgentConfig): string {
  return control?.socket ?? (dataDir === PACKAGED_DATA_DIR ? PACKAGED_SOCKET : `${dataDir}/control.sock`)
}
