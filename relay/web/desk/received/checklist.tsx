import type { CheckResult, Verdict } from '@latchkey/shared'
import { Alert } from '../../kit/parts.tsx'
import type { Believed } from '../who/trust-file.ts'
import { words } from '../words/words.ts'

const MARKS = { passed: '✓', failed: '✗', 'not-applicable': '–' } as const
const LOOKS = { passed: 'good', failed: 'bad', 'not-applicable': 'soft' } as const

function CheckLine({ number, name, status, findings, reason }: CheckResult) {
  const say = words.evidence
  return (
    <li>
      <span class={`mark ${LOOKS[status]}`} aria-hidden="true">
        {MARKS[status]}
      </span>
      <div>
        <p>
          {say.names[number] ?? name}: <strong class={LOOKS[status]}>{say.status[status]}</strong>
        </p>
        {reason !== null && <p class="soft small">{reason}</p>}
        {findings.map(({ code, file, message }) => (
          <p key={`${code} ${file} ${message}`} class="small">
            {`${file}: ${message}`} <span class="code">{code}</span>
          </p>
        ))}
      </div>
    </li>
  )
}

/** Every check in words, whose word was believed, and what no check proves. */
export function Checklist({ verdict, from }: { verdict: Verdict; from: Believed['from'] }) {
  const say = words.evidence
  return (
    <section class="card">
      <h2>{say.checks}</h2>
      {verdict.passed ? <p class="good">{say.passed}</p> : <Alert wrong>{say.failed}</Alert>}
      <p class="soft small">{from === 'file' ? say.trustFile : say.trustRelay}</p>
      <ol class="checks">
        {verdict.checks.map((check) => (
          <CheckLine key={check.number} {...check} />
        ))}
      </ol>
      <h3>{say.notProven}</h3>
      <ul>
        {verdict.notProven.map((line) => (
          <li key={line}>{line}</li>
        ))}
      </ul>
    </section>
  )
}
