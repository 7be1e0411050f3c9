import { useEffect, useState } from 'preact/hooks'
import { Alert } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import type { LogKeeper } from '../log/log-keeper.ts'
import { failureWords } from '../words/failure.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'
import { findPublication, loadOwnVersion, type OwnVersion, type Publication } from './own-version.ts'

function PublicationWords({ found }: { found: Publication }) {
  const say = words.version
  if (found.kind === 'unpublished') return <Alert>{say.unpublished}</Alert>
  if (found.kind === 'contradicted') return <Alert wrong>{say.contradicted}</Alert>
  return (
    <>
      <p class="good">{say.published(found.index, momentWords(found.hourMs))}</p>
      {!found.isNewest && <p>{say.older}</p>}
    </>
  )
}

/** Which app this is, where that can be looked up, and what is taken on trust all the same. */
export function TrustCard({ home, log }: { home: Home; log: LogKeeper }) {
  const [version, setVersion] = useState<OwnVersion | null>(null)
  const [found, setFound] = useState<Publication | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  const say = words.version
  useEffect(() => {
    loadOwnVersion()
      .then(async (own) => {
        setVersion(own)
        setFound(await findPublication(home, log, own))
      })
      .catch((error: unknown) => setFailure(failureWords(error)))
  }, [home.relay])
  return (
    <section class="card">
      <h2>{say.title}</h2>
      {version !== null && (
        <>
          <p class="soft small">{say.digest(version.files)}</p>
          <p class="mono">{version.digest}</p>
        </>
      )}
      {found !== null && <PublicationWords found={found} />}
      {failure !== null && <p class="soft">{failure}</p>}
      <p>{say.trust}</p>
      <p class="soft">{say.check}</p>
      {version !== null && <p class="mono small">{`latchkey monitor --app ${location.origin} --trust trust.json`}</p>}
    </section>
  )
}
