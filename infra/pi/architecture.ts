/** Debian's names of the processors that a doorbell may have. */
export const ARCHITECTURES = ['amd64', 'arm64'] as const
export type Architecture = (typeof ARCHITECTURES)[number]

/** The Debian package's name. */
export const PACKAGE_NAME = 'latchkey-agent'
