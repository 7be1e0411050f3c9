import { type ClipEntry, clipList } from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'

/** Every clip that the relay holds for this household, oldest first. Untrusted until each manifest is checked. */
export async function loadClips(home: Home): Promise<readonly ClipEntry[]> {
  const client = await memberClient(home)
  const clips: ClipEntry[] = []
  let next: number | null = null
  do {
    const page: { clips: readonly ClipEntry[]; next: number | null } = await client.json(
      'GET',
      next === null ? '/v1/clips' : `/v1/clips?after=${next}`,
      clipList,
    )
    clips.push(...page.clips)
    next = page.next
  } while (next !== null)
  return clips
}
