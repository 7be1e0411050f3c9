import { sheetRelayCode, type SheetRelay } from '@latchkey/shared'
import {
  confirmationOf,
  encodeRecoveryQr,
  identityLineOf,
  type RecoverySheet,
  wordsOf,
} from '@latchkey/shared/recovery'
import { useState } from 'preact/hooks'
import { Button, Field, Title } from '../../kit/parts.tsx'
import { QrCode } from '../../kit/qr-code.tsx'
import { nowMs } from '../../kernel/clock.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** The household's last key, shown once. @param props.at the relay and log that a new phone will have to trust */
export function ShowSheet(props: { sheet: RecoverySheet; at: SheetRelay; onDone: () => void }) {
  const { sheet, at } = props
  const say = words.sheet
  return (
    <>
      <Title>{say.title}</Title>
      <div class="no-print">
        <p>{say.why}</p>
        <p class="alert">{say.holder}</p>
      </div>
      <section class="card">
        <p class="small soft">{say.made(momentWords(nowMs()))}</p>
        <h2>{say.words}</h2>
        <ol class="words">
          {wordsOf(sheet).map((word, index) => (
            <li key={index}>{word}</li>
          ))}
        </ol>
        <h2>{say.code}</h2>
        <QrCode text={encodeRecoveryQr(sheet, at)} label={say.code} />
        <h2>{say.where}</h2>
        <p>{say.how(location.origin)}</p>
        <dl>
          <dt class="soft small">{say.relay}</dt>
          <dd class="mono">{at.relay}</dd>
          <dt class="soft small">{say.relayCode}</dt>
          <dd class="mono">{sheetRelayCode(at)}</dd>
          <dt class="soft small">{say.logKey}</dt>
          <dd class="mono small">{at.logVkey}</dd>
        </dl>
        <h2>{say.identity}</h2>
        <p class="mono">{identityLineOf(sheet)}</p>
      </section>
      <p class="row no-print">
        <Button onClick={() => print()}>{say.print}</Button>
        <Button main onClick={props.onDone}>
          {say.done}
        </Button>
      </p>
    </>
  )
}

/** Reads back the end of the sheet: paper that cannot be read is no paper. */
export function ConfirmSheet({
  sheet,
  onBack,
  onDone,
}: {
  sheet: RecoverySheet
  onBack: () => void
  onDone: () => void
}) {
  const [text, setText] = useState('')
  const [wrong, setWrong] = useState(false)
  const say = words.sheet
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault()
        if (text.trim().toUpperCase() === confirmationOf(sheet)) onDone()
        else setWrong(true)
      }}
    >
      <Title>{say.confirm}</Title>
      <p>{say.confirmWhy}</p>
      <section class="card">
        <Field
          label={say.confirmLabel}
          value={text}
          wrong={wrong ? say.confirmBad : null}
          onInput={(value) => {
            setText(value)
            setWrong(false)
          }}
        />
        <p class="row">
          <Button onClick={onBack}>{say.look}</Button>
          <Button main submit>
            {say.found}
          </Button>
        </p>
      </section>
    </form>
  )
}
