import { parseSheetRelay, type SheetRelay } from '@latchkey/shared'
import { parseRecoverySheet, type RecoverySheet } from '@latchkey/shared/recovery'
import { useState } from 'preact/hooks'
import { Alert, Title } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'
import { ScanCode } from './scan-code.tsx'
import { SheetWords } from './sheet-words.tsx'

/** What a sheet says: its secret, and where the household lives if it names that. */
export interface ReadSheet {
  readonly sheet: RecoverySheet
  readonly at: SheetRelay | null
}

const isSheetCode = (text: string): boolean => /^\s*latchkey-sheet-1/iu.test(text)

/** A recovery sheet, by the camera or typed. */
export function ReadSheetPage({ onRead, onBack }: { onRead: (read: ReadSheet) => void; onBack: () => void }) {
  const [damaged, setDamaged] = useState(false)
  const say = words.restore.read
  /** @returns false for what is no sheet's code */
  function take(text: string): boolean {
    if (!isSheetCode(text)) return false
    try {
      onRead({ sheet: parseRecoverySheet(text), at: parseSheetRelay(text) })
    } catch {
      setDamaged(true)
    }
    return true
  }
  const scanWords = { why: say.why, scan: say.start, view: say.view, hold: say.hold, other: say.other }
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.lead}</p>
      {damaged && <Alert wrong>{say.code}</Alert>}
      {'mediaDevices' in navigator && (
        <section class="card">
          <h2>{say.scan}</h2>
          <ScanCode say={scanWords} take={take} />
        </section>
      )}
      <section class="card">
        <SheetWords onSheet={(sheet) => onRead({ sheet, at: null })} onCode={take} onBack={onBack} />
      </section>
    </>
  )
}
