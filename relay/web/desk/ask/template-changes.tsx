import { findTemplate, type WordChange, wordChanges } from '@latchkey/shared'
import { words } from '../words/words.ts'

function Change({ change: { kind, text } }: { change: WordChange }) {
  const say = words.ask.changes
  // A screen reader seldom says that words are struck out; colour alone says nothing to many.
  if (kind === 'kept') return <>{text} </>
  const Mark = kind === 'added' ? 'ins' : 'del'
  return (
    <>
      <Mark>
        <span class="unseen">{kind === 'added' ? say.added : say.leftOut} </span>
        {text}
      </Mark>{' '}
    </>
  )
}

/** What these words change of the published text; the public record shows the same beside the request. */
export function TemplateChanges({ template, reason }: { template: string; reason: string }) {
  const published = findTemplate(template)
  const say = words.ask.changes
  if (published === null) return <p class="soft small">{say.unknown}</p>
  const changes = wordChanges(published.text, reason)
  if (changes.every(({ kind }) => kind === 'kept')) return <p class="soft small">{say.none}</p>
  return (
    <>
      <p class="soft small">{say.key}</p>
      <p class="changes">
        {changes.map((change, place) => (
          <Change key={place} change={change} />
        ))}
      </p>
    </>
  )
}
