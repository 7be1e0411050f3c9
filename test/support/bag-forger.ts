import { sha256, toHex, utf8 } from '@latchkey/shared'
import { parseBundleCase } from '../../shared/src/verify/bundle-case.ts'
import { derivedProofFiles, derivedTagFiles } from '../../shared/src/verify/bundle-derived.ts'

const isPayload = (path: string) => path.startsWith('data/')

/** What a forger does who knows BagIt: writes both hash manifests anew, so that the bag's own hashes hide a change. */
export function rehashBag(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const forged = new Map(files)
  const write = (name: string, belongs: (path: string) => boolean) => {
    const paths = [...forged.keys()].filter(belongs).sort()
    forged.set(name, utf8(paths.map((path) => `${toHex(sha256(forged.get(path)!))}  ${path}\n`).join('')))
  }
  write('manifest-sha256.txt', isPayload)
  write('tagmanifest-sha256.txt', (path) => !isPayload(path) && path !== 'tagmanifest-sha256.txt')
  return forged
}

/** What a forger does who has read our code too: writes every derived text anew, where the rest still parses. */
export function rederiveBag(files: ReadonlyMap<string, Uint8Array>): Map<string, Uint8Array> {
  const forged = new Map(files)
  const { bundleCase } = parseBundleCase(forged)
  if (bundleCase === null) return rehashBag(forged)
  for (const [path, bytes] of derivedProofFiles(bundleCase)) forged.set(path, bytes)
  const sizes = [...forged].filter(([path]) => isPayload(path)).map(([, bytes]) => bytes.length)
  for (const [path, bytes] of derivedTagFiles(bundleCase, sizes)) forged.set(path, bytes)
  return rehashBag(forged)
}
