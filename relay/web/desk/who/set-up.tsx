import type { Identity } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { Alert } from '../../kit/parts.tsx'
import { askToPersist } from '../../kernel/capability.ts'
import { failureWords } from '../words/failure.ts'
import { Certify } from './certify.tsx'
import { SaveEvidenceKey } from './evidence-key.tsx'
import { createKeys, type DeskKeys, type Investigator } from './investigator.ts'
import { UseKeyFiles } from './key-files.tsx'
import { Welcome } from './welcome.tsx'

/** Keys that were made and are in this page's memory only, until their file was read back. */
interface Made {
  readonly relay: string
  readonly keys: DeskKeys
  readonly identity: Identity
}

/** From an empty desk to one that may ask. @param props.investigator keys that wait for their certificate, or null */
export function SetUp(props: {
  investigator: Investigator | null
  proposedRelay: string
  onInvestigator: (investigator: Investigator) => Promise<void>
}) {
  const { investigator } = props
  const [made, setMade] = useState<Made | null>(null)
  const [filesFor, setFilesFor] = useState<string | null>(null)
  const [failure, setFailure] = useState<string | null>(null)
  async function keep(next: Omit<Investigator, 'v'>): Promise<void> {
    try {
      // It may say no; the evidence key's file is for that.
      await askToPersist()
      await props.onInvestigator({ v: 1, ...next })
    } catch (error) {
      setFailure(failureWords(error))
    }
  }
  if (failure !== null) return <Alert wrong>{failure}</Alert>
  if (investigator !== null)
    return (
      <Certify
        investigator={investigator}
        onCertificate={(certificate) => void keep({ ...investigator, certificate })}
      />
    )
  if (made !== null)
    return (
      <SaveEvidenceKey
        identity={made.identity}
        onKept={() => void keep({ relay: made.relay, keys: made.keys, certificate: null })}
      />
    )
  if (filesFor !== null)
    return (
      <UseKeyFiles
        onKeys={(keys, certificate) => void keep({ relay: filesFor, keys, certificate })}
        onBack={() => setFilesFor(null)}
      />
    )
  return (
    <Welcome
      proposedRelay={props.proposedRelay}
      onBegin={(relay, beginning) => {
        if (beginning === 'files') setFilesFor(relay)
        else void createKeys().then((created) => setMade({ relay, ...created }))
      }}
    />
  )
}
