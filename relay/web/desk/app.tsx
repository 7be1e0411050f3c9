import type { ComponentChildren } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { ErrorBoundary } from '../kit/error-boundary.tsx'
import { Alert } from '../kit/parts.tsx'
import type { Database } from '../kernel/database.ts'
import { AskPage } from './ask/ask-page.tsx'
import { ReceivedPage } from './received/received-page.tsx'
import { RequestsPage } from './requests/requests-page.tsx'
import { type Investigator, saveInvestigator } from './who/investigator.ts'
import { SetUp } from './who/set-up.tsx'
import { YouPage } from './who/you-page.tsx'
import { failureWords } from './words/failure.ts'
import { words } from './words/words.ts'

const PAGES = ['ask', 'requests', 'received', 'you'] as const
type PageName = (typeof PAGES)[number]

const pageOf = (hash: string): PageName => PAGES.find((name) => hash === `#/${name}`) ?? 'ask'

function usePage(): PageName {
  const [page, setPage] = useState(pageOf(location.hash))
  useEffect(() => {
    const follow = (): void => setPage(pageOf(location.hash))
    addEventListener('hashchange', follow)
    return () => removeEventListener('hashchange', follow)
  }, [])
  return page
}

function Frame({ page, children }: { page: PageName | null; children: ComponentChildren }) {
  return (
    <>
      <header class="bar">
        <span class="brand">{words.brand}</span>
        {page !== null && (
          <nav class="tabs" aria-label={words.tabsLabel}>
            {PAGES.map((name) => (
              <a key={name} href={`#/${name}`} aria-current={name === page ? 'page' : undefined}>
                {words.tabs[name]}
              </a>
            ))}
          </nav>
        )}
      </header>
      <main>
        <ErrorBoundary key={page} explain={(error) => <Alert wrong>{failureWords(error)}</Alert>}>
          {children}
        </ErrorBoundary>
      </main>
    </>
  )
}

function Pages({ database, investigator }: { database: Database; investigator: Investigator }) {
  const page = usePage()
  const at = { database, investigator }
  return (
    <Frame page={page}>
      {page === 'ask' && <AskPage {...at} />}
      {page === 'requests' && <RequestsPage {...at} />}
      {page === 'received' && <ReceivedPage {...at} />}
      {page === 'you' && <YouPage {...at} />}
    </Frame>
  )
}

/** The investigator's desk. */
export function App(props: { database: Database; investigator: Investigator | null; proposedRelay: string }) {
  const { database } = props
  const [investigator, setInvestigator] = useState(props.investigator)
  if (typeof investigator?.certificate === 'string') return <Pages database={database} investigator={investigator} />
  return (
    <Frame page={null}>
      <SetUp
        investigator={investigator}
        proposedRelay={props.proposedRelay}
        onInvestigator={async (next) => {
          await saveInvestigator(database, next)
          setInvestigator(next)
        }}
      />
    </Frame>
  )
}
