/** What the parts of the configuration are read with. */
import { fromUtf8, LatchkeyError } from '@latchkey/shared'
import { readFile } from 'node:fs/promises'
import { Type } from 'typebox'

export const Port = Type.Integer({ minimum: 0, maximum: 65_535 })
export const Host = Type.String({ minLength: 1, maxLength: 253 })
export const Path = Type.String({ minLength: 1, maxLength: 4_096 })

/** What is wrong with the configuration; `message` begins with the key, and never holds a value of a secret. */
export function invalid(message: string, cause?: unknown): LatchkeyError {
  return new LatchkeyError('CONFIG_INVALID', message, { cause })
}

/** Is this host name or address the machine itself? */
export function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host === '[::1]' || /^127(\.\d{1,3}){3}$/.test(host)
}

/** @throws CONFIG_INVALID naming the key */
export async function readText(path: string, key: string): Promise<string> {
  try {
    return fromUtf8(await readFile(path))
  } catch (cause) {
    throw invalid(`${key}: cannot read ${path}`, cause)
  }
}

/** Untrusted: `text`. @throws CONFIG_INVALID naming the key */
export function parseJson(text: string, key: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw invalid(`${key}: not JSON`, cause)
  }
}
