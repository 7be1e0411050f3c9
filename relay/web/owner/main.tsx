import { render } from 'preact'
import { App } from './app.tsx'
import { openDatabase } from '../kernel/database.ts'
import { loadHome } from './household/home.ts'
import { failureWords } from './words/failure.ts'

const root = document.getElementById('app')!

async function start(): Promise<void> {
  const database = await openDatabase()
  const home = await loadHome(database)
  root.replaceChildren()
  render(<App database={database} home={home} />, root)
}

/** The one address that a script of this page may be loaded from by name. @see Trusted Types, "createPolicy" */
function workerAddress(): string {
  const { trustedTypes } = globalThis as {
    trustedTypes?: { createPolicy(name: string, rules: object): { createScriptURL(text: string): string } }
  }
  const rules = { createScriptURL: () => '/service-worker.js' }
  return trustedTypes?.createPolicy('latchkey', rules).createScriptURL('') ?? '/service-worker.js'
}

// Without one the app works as well, only not without a network.
if ('serviceWorker' in navigator)
  void navigator.serviceWorker.register(workerAddress(), { type: 'module' }).catch(() => {})

start().catch((error: unknown) => {
  root.textContent = failureWords(error)
})
