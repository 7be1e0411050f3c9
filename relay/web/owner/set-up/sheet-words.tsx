import {
  parseRecoverySheet,
  type RecoverySheet,
  SHEET_WORDS,
  sheetWordsLike,
  typedWords,
} from '@latchkey/shared/recovery'
import { useId, useRef, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'

const POSITIONS = Array.from({ length: SHEET_WORDS }, (_, at) => at)
/** One letter has hundreds of words; a list that long helps nobody. */
const MIN_LETTERS = 2
const MAX_SUGGESTIONS = 8

const isWord = (word: string): boolean => sheetWordsLike(word).includes(word)

/** What somebody typed, as the list spells it; a beginning that leaves one word is that word. */
function completed(typed: string): string {
  const word = typed.trim().toLowerCase()
  const like = sheetWordsLike(word)
  return like.length === 1 ? like[0]! : word
}

/** What is wrong with twenty-four fields, in words; null when they may be a sheet. */
function faultOf(typed: readonly string[]): { said: string; at: number } | null {
  const say = words.restore.read
  const [missing, unknown] = [POSITIONS.filter((at) => typed[at] === ''), POSITIONS.filter((at) => !isWord(typed[at]!))]
  const named = (positions: readonly number[]): string => positions.map((at) => at + 1).join(', ')
  const wrong = unknown.filter((at) => !missing.includes(at))
  if (wrong.length > 0) return { said: say.wrong(named(wrong)), at: wrong[0]! }
  return missing.length > 0 ? { said: say.missing(named(missing)), at: missing[0]! } : null
}

function sheetOf(typed: readonly string[]): RecoverySheet | null {
  try {
    return parseRecoverySheet(typed.join(' '))
  } catch {
    return null
  }
}

/** Twenty-four fields that help with what is typed into them. @param props.onCode told what is pasted; true when that was a code */
export function SheetWords(props: {
  onSheet: (sheet: RecoverySheet) => void
  onCode: (text: string) => boolean
  onBack: () => void
}) {
  const [typed, setTyped] = useState<readonly string[]>(() => POSITIONS.map(() => ''))
  /** The field that is written in: it is not judged yet. */
  const [now, setNow] = useState<number | null>(null)
  const [fault, setFault] = useState<string | null>(null)
  const form = useRef<HTMLFormElement>(null)
  const id = useId()
  const say = words.restore.read
  const focus = (at: number): void => form.current?.querySelectorAll('input')[Math.min(at, SHEET_WORDS - 1)]?.focus()

  /** Many words at once stand from here on; all of them from the beginning. */
  function spread(text: string, at: number): void {
    const many = typedWords(text).slice(0, SHEET_WORDS)
    const from = many.length === SHEET_WORDS ? 0 : at
    setTyped(typed.map((word, i) => many[i - from] ?? word))
    setFault(null)
    focus(from + many.length)
  }
  function input(text: string, at: number): void {
    if (typedWords(text).length > 1) {
      spread(text, at)
      return
    }
    setFault(null)
    if (/\s$/u.test(text) && text.trim() !== '') {
      setTyped(typed.with(at, completed(text)))
      focus(at + 1)
    } else setTyped(typed.with(at, text.trim()))
  }
  function submit(): void {
    const all = typed.map(completed)
    setTyped(all)
    const found = faultOf(all)
    const sheet = found === null ? sheetOf(all) : null
    if (sheet !== null) {
      props.onSheet(sheet)
      return
    }
    setFault(found?.said ?? say.sum)
    if (found !== null) focus(found.at)
  }
  const like =
    now === null || typed[now]!.length < MIN_LETTERS ? [] : sheetWordsLike(typed[now]!).slice(0, MAX_SUGGESTIONS)
  return (
    <form
      ref={form}
      noValidate
      onSubmit={(event) => {
        event.preventDefault()
        submit()
      }}
    >
      <h2>{say.type}</h2>
      <p class="soft small">{say.typeWhy}</p>
      <datalist id={`${id}-words`}>
        {like.map((word) => (
          <option key={word} value={word} />
        ))}
      </datalist>
      <ol class="word-fields">
        {POSITIONS.map((at) => {
          const word = typed[at]!
          const isWrong = (at !== now || fault !== null) && word !== '' && !isWord(word)
          return (
            <li key={at}>
              <label for={`${id}-${at}`}>
                <span class="unseen">{say.word} </span>
                {at + 1}
              </label>
              <input
                id={`${id}-${at}`}
                value={word}
                list={at === now ? `${id}-words` : undefined}
                autocomplete="off"
                autocapitalize="off"
                spellcheck={false}
                aria-invalid={isWrong}
                aria-describedby={isWrong ? `${id}-${at}-wrong` : undefined}
                onFocus={() => setNow(at)}
                onBlur={() => {
                  setNow(null)
                  setTyped((all) => all.with(at, completed(all[at]!)))
                }}
                onPaste={(event) => {
                  const text = event.clipboardData?.getData('text') ?? ''
                  // A line of text keeps no line breaks, and two words would become one.
                  if (props.onCode(text)) event.preventDefault()
                  else if (typedWords(text).length > 1) {
                    event.preventDefault()
                    spread(text, at)
                  }
                }}
                onKeyDown={(event) => {
                  if (event.key !== 'Enter' || at === SHEET_WORDS - 1) return
                  event.preventDefault()
                  focus(at + 1)
                }}
                onInput={(event) => input(event.currentTarget.value, at)}
              />
              {isWrong && (
                <span id={`${id}-${at}-wrong`} class="bad small">
                  {say.unknown}
                </span>
              )}
            </li>
          )
        })}
      </ol>
      {fault !== null && <Alert wrong>{fault}</Alert>}
      <p class="row">
        <Button onClick={props.onBack}>{words.app.back}</Button>
        <Button main submit>
          {words.app.next}
        </Button>
      </p>
    </form>
  )
}
