import { encodeIdentityFile, type Identity, parseIdentityFile } from '@latchkey/shared'
import { useState } from 'preact/hooks'
import { ChooseFiles, SaveLink } from '../../kit/files.tsx'
import { Title } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'

/** As the command line calls it. */
const FILE_NAME = 'requester.key'

/** Is it the key that was saved? Untrusted: `text`. */
function isSame(text: string, identity: Identity): boolean {
  try {
    return parseIdentityFile(text).recipient === identity.recipient
  } catch {
    return false
  }
}

/** The evidence key as a file, saved and read back before anything depends on it. */
export function SaveEvidenceKey({ identity, onKept }: { identity: Identity; onKept: () => void }) {
  const [saved, setSaved] = useState(false)
  const [wrong, setWrong] = useState(false)
  const say = words.setUp.save
  return (
    <>
      <Title>{say.title}</Title>
      <p>{say.two}</p>
      <section class="card">
        <ul>
          {say.why.map((why) => (
            <li key={why}>{why}</li>
          ))}
        </ul>
        <p>
          <SaveLink
            main
            parts={[encodeIdentityFile(identity, 'Latchkey evidence key: opens what was given to its investigator')]}
            name={FILE_NAME}
            type="text/plain"
            onSaved={() => setSaved(true)}
          >
            {say.save}
          </SaveLink>
        </p>
      </section>
      {saved && (
        <section class="card">
          <ChooseFiles
            label={say.back}
            hint={say.backWhy}
            wrong={wrong ? say.wrong : null}
            onFiles={([file]) =>
              void file!.text().then((text) => {
                if (isSame(text, identity)) onKept()
                else setWrong(true)
              })
            }
          />
        </section>
      )}
    </>
  )
}
