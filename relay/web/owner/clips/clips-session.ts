/** Everything that the clips' pages stand on, made once per page load. */
import { keyset, type Member } from '@latchkey/shared'
import type { Home } from '../household/home.ts'
import { memberClient } from '../household/relay-clients.ts'
import type { Database } from '../kernel/database.ts'
import { phoneOf } from '../keys/phone-keys.ts'
import { type ClipFeed, createClipFeed } from './clip-feed.ts'
import { createFaceMaker, type FaceMaker } from './clip-faces.ts'
import { createItemOpener, type ItemOpener } from './item-opener.ts'
import { judgeContextOf } from './listed-clip.ts'

/** The running parts. */
export interface ClipsSession {
  readonly feed: ClipFeed
  readonly faces: FaceMaker
  readonly items: ItemOpener
  readonly role: Member['role']
  /** Deletes a clip for the whole household. @throws whatever the relay refuses */
  delete(clip: string): Promise<void>
}

async function start(home: Home, database: Database, signal: AbortSignal): Promise<ClipsSession> {
  const { signer, opener } = await phoneOf(home.keys)
  const client = await memberClient(home)
  const items = createItemOpener({ client, opener, database })
  const pinned = keyset.parse(home.keyset)
  const feed = createClipFeed(client, (clips) => void items.keepOnly(clips).catch(() => {}))
  const faces = createFaceMaker(feed.state, items, judgeContextOf(home))
  const member = pinned.payload.latchkey.members.find(({ signingKey }) => signingKey.x === signer.jwk.x)
  void feed.run(signal)
  void faces.run(signal)
  return {
    feed,
    faces,
    items,
    role: member?.role ?? 'viewer',
    async delete(clip) {
      await client.bytes('DELETE', `/v1/clips/${clip}`)
      feed.drop(clip)
    },
  }
}

let running: {
  readonly keyset: string
  readonly end: AbortController
  readonly session: Promise<ClipsSession>
} | null = null

/** One per household and keyset; it goes on while other pages are shown. */
export function clipsSessionOf(home: Home, database: Database): Promise<ClipsSession> {
  if (running?.keyset !== home.keyset) {
    running?.end.abort()
    const end = new AbortController()
    running = { keyset: home.keyset, end, session: start(home, database, end.signal) }
  }
  return running.session
}
