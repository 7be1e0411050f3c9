import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { LatchkeyError } from '../src/errors.ts'
import { clipRequest } from '../src/wire/request.ts'
import { readText } from './disk-files.ts'
import { inFile } from './failure.ts'

/** Texts of refused requests that somebody holds: every `*.jws` of a folder, by digest. @throws USAGE | the form codes */
export async function loadRefusedRequests(path: string): Promise<ReadonlyMap<string, string>> {
  const names = await readdir(path).catch((cause: unknown) => {
    throw new LatchkeyError('USAGE', `cannot read the folder ${path}`, { cause })
  })
  const texts = new Map<string, string>()
  for (const name of names.filter((file) => file.endsWith('.jws'))) {
    const file = join(path, name)
    const raw = await readText(file)
    texts.set(await inFile(file, () => clipRequest.parse(raw).digest), raw)
  }
  return texts
}
