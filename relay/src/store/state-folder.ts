import { join } from 'node:path'

/** What the choice depends on; from the environment, by way of the configuration. */
export interface StateFolderInput {
  readonly isRoot: boolean
  readonly home: string
  readonly xdgStateHome?: string
}

/**
 * Where the relay keeps its state unless told: a folder that the database's unprivileged user can reach when we are root,
 * else the user's own. @see XDG Base Directory Specification, "XDG_STATE_HOME"
 */
export function defaultStateFolder({ isRoot, home, xdgStateHome }: StateFolderInput): string {
  if (isRoot) return '/var/lib/latchkey'
  return join(xdgStateHome ?? join(home, '.local', 'state'), 'latchkey')
}
