import { release as releaseMessage } from '@latchkey/shared'
import type { Office } from '../shared-on/entries.ts'
import type { Released } from '../shared-on/released.ts'
import { SharedOnCard } from '../shared-on/shared-on-card.tsx'
import { momentWords } from '../words/times.ts'

/** One after the other, each named by its moment where there are several. */
export function SharedOnCards({ database, investigator, released }: Office & { released: readonly Released[] }) {
  const momentOf = ({ release }: Released): string => momentWords(releaseMessage.parse(release).payload.iat * 1000)
  return (
    <>
      {released.map((one) => (
        <SharedOnCard
          key={one.release}
          database={database}
          investigator={investigator}
          released={one}
          when={released.length === 1 ? null : momentOf(one)}
        />
      ))}
    </>
  )
}
