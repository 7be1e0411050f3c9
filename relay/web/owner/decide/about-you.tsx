import type { OwnerDetails } from '@latchkey/shared'
import { useId } from 'preact/hooks'
import { words } from '../words/words.ts'

const DETAILS = ['name', 'email', 'phone', 'address'] as const
type Detail = (typeof DETAILS)[number]

/** What was ticked, and what was written there. Nothing is ticked at first, and nothing is filled in by us. */
export type AboutYou = Readonly<Partial<Record<Detail, string | undefined>>>

const LIMITS: Readonly<Record<Detail, number>> = { name: 120, email: 254, phone: 40, address: 240 }
/** As the browser's own form filling names them. @see HTML Living Standard, "Autofill" */
const FILLED_AS: Readonly<Record<Detail, string>> = {
  name: 'name',
  email: 'email',
  phone: 'tel',
  address: 'street-address',
}

const written = (value: string | undefined): string => (value ?? '').trim().normalize('NFC')

/** Ticked boxes with nothing written beside them. */
export const unfinished = (about: AboutYou): boolean =>
  DETAILS.some((detail) => about[detail] !== undefined && written(about[detail]) === '')

/** What is told of it; null for nothing. */
export function detailsOf(about: AboutYou): OwnerDetails | null {
  const told = DETAILS.filter((detail) => written(about[detail]) !== '').map(
    (detail) => [detail, written(about[detail])] as const,
  )
  return told.length === 0 ? null : Object.fromEntries(told)
}

function OneDetail(props: { detail: Detail; value: string | undefined; onValue: (value: string | undefined) => void }) {
  const { detail, value } = props
  const id = useId()
  const say = words.decide.details[detail]
  return (
    <div class="field">
      <label class="tick" for={id}>
        <input
          id={id}
          type="checkbox"
          checked={value !== undefined}
          onChange={(event) => props.onValue(event.currentTarget.checked ? '' : undefined)}
        />
        {say.tick}
      </label>
      {value !== undefined && (
        <input
          aria-label={say.field}
          value={value}
          maxLength={LIMITS[detail]}
          autocomplete={FILLED_AS[detail]}
          onInput={(event) => props.onValue(event.currentTarget.value)}
        />
      )}
    </div>
  )
}

/** Four boxes, each for itself, none of them ticked. */
export function AboutYouCard(props: { about: AboutYou; missing: boolean; onAbout: (about: AboutYou) => void }) {
  const say = words.decide
  return (
    <section class="card">
      <h2>{say.you}</h2>
      <p>{detailsOf(props.about) === null ? say.youNothing : say.youSealed}</p>
      <p class="soft">{say.youPixels}</p>
      <fieldset>
        <legend>{say.youTicks}</legend>
        {DETAILS.map((detail) => (
          <OneDetail
            key={detail}
            detail={detail}
            value={props.about[detail]}
            onValue={(value) => props.onAbout({ ...props.about, [detail]: value })}
          />
        ))}
      </fieldset>
      {props.missing && (
        <p class="bad" role="alert">
          {say.youMissing}
        </p>
      )}
    </section>
  )
}

/** What is told, word for word, before it is signed; nothing when nothing is. */
export function ToldAboutYou({ details }: { details: OwnerDetails | null }) {
  if (details === null) return null
  return (
    <section class="card">
      <h2>{words.decide.recap.about}</h2>
      <dl class="facts">
        {DETAILS.filter((detail) => details[detail] !== undefined).map((detail) => (
          <div key={detail}>
            <dt>{words.decide.details[detail].field}</dt>
            <dd>{details[detail]}</dd>
          </div>
        ))}
      </dl>
      <p class="soft small">{words.decide.recap.aboutKept}</p>
    </section>
  )
}
