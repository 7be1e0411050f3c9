/** The code of a system error (`ENOENT`, …), `undefined` for any other value. @see errno(3) */
export function errnoOf(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as NodeJS.ErrnoException).code : undefined
  return typeof code === 'string' ? code : undefined
}

/** Made for `.catch`: swallows that one system error, throws anything else again. */
export function ignoring(expected: string): (error: unknown) => void {
  return (error) => {
    if (errnoOf(error) !== expected) throw error
  }
}
