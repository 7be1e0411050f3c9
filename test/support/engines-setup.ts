import { isCity, startCityEngines } from './city-engines.ts'

/** Once per run, though each project of the suite asks for it. */
let engines: Promise<AsyncDisposable> | null = null
let askers = 0

/** Starts what the files of a run share. @see https://vitest.dev/config/globalsetup */
export default async function setup(): Promise<() => Promise<void>> {
  if (!isCity()) return async () => {}
  askers++
  await (engines ??= startCityEngines())
  return async () => {
    if (--askers === 0) await (await engines)?.[Symbol.asyncDispose]()
  }
}
