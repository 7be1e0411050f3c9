import { SaveLink } from '../../kit/files.tsx'
import { words } from '../words/words.ts'
import type { OpenedFiles } from './open-evidence.ts'

const KILOBYTE = 1_000
const MEGABYTE = 1_000_000
const TEXT_TYPES: Readonly<Record<string, string>> = { csv: 'text/csv', json: 'application/json' }

const sizeWords = (bytes: number): string =>
  bytes < MEGABYTE ? `${Math.max(1, Math.round(bytes / KILOBYTE))} kB` : `${(bytes / MEGABYTE).toFixed(1)} MB`
const typeOf = (name: string): string => TEXT_TYPES[name.split('.').at(-1)!] ?? 'text/plain'

/** The sealed bundle, and what was opened of it, as files of this computer. */
export function Keeping({ zip, files }: { zip: Uint8Array; files: OpenedFiles | null }) {
  const say = words.evidence
  return (
    <section class="card">
      <h2>{say.save}</h2>
      <p>
        <SaveLink main parts={[zip]} name="bundle.zip" type="application/zip">
          {say.saveBundle}
        </SaveLink>
      </p>
      <p class="soft">{say.saveBundleWhy}</p>
      {files !== null && (
        <>
          <h3>{say.saveOpened}</h3>
          <p class="soft">{say.saveOpenedWhy}</p>
          <ul class="files">
            {files.originals.map(({ path, mediaType, chunks, sizeBytes, sha256 }) => (
              <li key={path}>
                <SaveLink parts={chunks} name={path} type={mediaType}>
                  {say.file(path, sizeWords(sizeBytes))}
                </SaveLink>
                <p class="mono soft">{say.fingerprint(sha256)}</p>
              </li>
            ))}
            {[...files.texts].map(([name, text]) => (
              <li key={name}>
                <SaveLink parts={[text]} name={name} type={typeOf(name)}>
                  {say.file(name, sizeWords(text.length))}
                </SaveLink>
              </li>
            ))}
          </ul>
        </>
      )}
      <h3>{words.verifyFile.save}</h3>
      <p class="soft">{words.verifyFile.why}</p>
      <p>
        <a class="button" href={`/${words.verifyFile.name}`} download={words.verifyFile.name}>
          {words.verifyFile.save}
        </a>
      </p>
    </section>
  )
}
