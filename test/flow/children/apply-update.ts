/**
 * The updater over its real source and its real journal, in a process of its own, since Node reads the authorities it trusts
 * when it starts: SOURCE FOLDER KEYS. Packages are only remembered: replacing this machine's is what
 * `npm run machines -- --step package` does. Prints what came of it as JSON.
 */
import { codeOf } from '@latchkey/shared'
import { copyFile } from 'node:fs/promises'
import { openUpdateJournal } from '../../../device-agent/src/update/disk-update-journal.ts'
import { parseReleaseKeys } from '../../../device-agent/src/update/update-manifest.ts'
import { openUpdateSource } from '../../../device-agent/src/update/update-source-client.ts'
import { createUpdater } from '../../../device-agent/src/update/updater.ts'

const [source, folder, keys] = process.argv.slice(2) as [string, string, string]
const done: string[] = []
const identity = (version: string) => ({ name: 'latchkey-agent', version, architecture: 'amd64' })
const updater = createUpdater({
  source: openUpdateSource(source),
  packages: {
    installed: () => Promise.resolve(identity('1.0.0')),
    describe: () => Promise.resolve(identity('1.1.0')),
    pack: async (path) => {
      done.push('pack')
      await copyFile(process.execPath, path)
    },
    install: (path) => Promise.resolve(void done.push(`install ${path}`)),
    putBack: () => Promise.resolve(void done.push('put back')),
  },
  health: { observe: () => Promise.resolve(), prove: () => Promise.resolve(null) },
  journal: openUpdateJournal(folder),
  releaseKeys: parseReleaseKeys(JSON.parse(keys)),
  say: () => {},
})
try {
  console.log(JSON.stringify({ version: await updater.apply({ retry: false }), done }))
} catch (error) {
  console.log(JSON.stringify({ code: codeOf(error), message: (error as Error).message, done }))
}
