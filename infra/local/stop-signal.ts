/**
 * Aborts at the first SIGINT, SIGTERM or SIGHUP. Later ones change nothing: npm and the terminal may both send theirs,
 * and stopping in order takes only seconds.
 */
export function listenForStop(): AbortSignal {
  const stopping = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => stopping.abort())
  return stopping.signal
}
