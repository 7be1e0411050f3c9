import { render } from 'preact'
import { openDatabase } from '../kernel/database.ts'
import { App } from './app.tsx'
import { loadInvestigator } from './who/investigator.ts'
import { failureWords } from './words/failure.ts'

const root = document.getElementById('app')!

/** The relay that `#relay=…` proposes, for the set-up's field; anything else is left alone. Untrusted. */
function proposedRelay(): string {
  const found = /^#relay=(.+)$/.exec(location.hash)?.[1]
  if (found === undefined) return ''
  history.replaceState(null, '', '/')
  try {
    return decodeURIComponent(found)
  } catch {
    return ''
  }
}

async function start(): Promise<void> {
  const database = await openDatabase()
  const investigator = await loadInvestigator(database)
  root.replaceChildren()
  render(<App database={database} investigator={investigator} proposedRelay={proposedRelay()} />, root)
}

start().catch((error: unknown) => {
  root.textContent = failureWords(error)
})
