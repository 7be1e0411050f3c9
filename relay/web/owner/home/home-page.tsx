import { Title } from '../../kit/parts.tsx'
import type { Home } from '../household/home.ts'
import { placeText } from '../set-up/place-text.ts'
import { momentWords } from '../words/times.ts'
import { words } from '../words/words.ts'

/** The household as this phone knows it. */
export function HomePage({ home }: { home: Home }) {
  const say = words.home
  return (
    <>
      <Title>{say.title}</Title>
      <section class="card">
        <h2>{say.doorbells}</h2>
        <ul>
          {home.doorbells.map(({ certificate, pairedMs }) => (
            <li key={certificate}>{say.doorbell(momentWords(pairedMs))}</li>
          ))}
        </ul>
      </section>
      <section class="card">
        <h2>{say.phone}</h2>
        <dl>
          <dt class="soft small">{say.relay}</dt>
          <dd>{home.relay}</dd>
          <dt class="soft small">{say.cell}</dt>
          <dd class="mono">{home.cell}</dd>
          <dt class="soft small">{say.place}</dt>
          <dd class="mono">{placeText(home.place)}</dd>
        </dl>
      </section>
    </>
  )
}
