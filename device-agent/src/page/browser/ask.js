/** Calls of the page's own server; nothing else is ever asked. */

/** What the server refused, in its words. */
export class Refusal extends Error {
  /** @param {number} status @param {string} message */
  constructor(status, message) {
    super(message)
    this.status = status
  }
}

/**
 * @param {'GET' | 'POST' | 'PUT'} method
 * @param {string} path
 * @param {unknown} [body]
 * @returns {Promise<Response>}
 */
async function call(method, path, body) {
  const sent = body === undefined ? {} : { body: JSON.stringify(body), headers: { 'content-type': 'application/json' } }
  const response = await fetch(path, { method, ...sent }).catch(() => {
    throw new Refusal(0, 'The page is no longer served. Start latchkey-agent page again.')
  })
  if (response.ok) return response
  /** @type {unknown} */
  const said = await response.json().catch(() => ({}))
  const problem = /** @type {{ detail?: string, title?: string }} */ (said)
  throw new Refusal(response.status, problem.detail ?? problem.title ?? 'That did not work.')
}

/** @param {'GET' | 'POST' | 'PUT'} method @param {string} path @param {unknown} [body] @returns {Promise<unknown>} */
export const ask = async (method, path, body) => {
  const response = await call(method, path, body)
  /** @type {unknown} */
  const value = await response.json()
  return value
}

/** @returns {Promise<Blob>} */
export const askStill = async () => (await call('GET', '/api/still')).blob()
