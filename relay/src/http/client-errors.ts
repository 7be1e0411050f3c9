import { type ErrorCode } from '@latchkey/shared'
import { STATUS_CODES } from 'node:http'
import type { Socket } from 'node:net'
import { problemAnswer } from './problem-answer.ts'

/** What node's parser found, where it is not simply malformed. */
const PARSER_CODES: Readonly<Record<string, ErrorCode>> = {
  HPE_HEADER_OVERFLOW: 'MESSAGE_TOO_LARGE',
  HPE_CHUNK_EXTENSIONS_OVERFLOW: 'MESSAGE_TOO_LARGE',
}

/**
 * Bytes that are not HTTP, or a request that never ends: a problem document like every other refusal, then the
 * connection is closed. Untrusted: whatever came.
 * @see node:http, event 'clientError'
 */
export function refuseConnection(error: Error & { readonly code?: string }, socket: Socket): void {
  if (error.code === 'ECONNRESET' || !socket.writable) {
    socket.destroy()
    return
  }
  const { status, headers, json } = problemAnswer(PARSER_CODES[error.code ?? ''] ?? 'MESSAGE_INVALID')
  const body = JSON.stringify(json)
  const fields = { ...headers, connection: 'close', 'content-length': String(Buffer.byteLength(body)) }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`)
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...lines].join('\r\n')
  // Half-closed alone, a peer that goes on sending would keep it.
  socket.end(`${head}\r\n\r\n${body}`, () => socket.destroy())
}
