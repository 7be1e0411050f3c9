/** What the documents list is what the code has. */
import { describe, expect, test } from 'vitest'
import { ERROR_CODES } from '../../shared/src/errors.ts'
import { readSource } from '../support/source-files.ts'

/** Cells of the rows of the first table below a heading (the whole page without one); header and rule left out. */
function tableOf(path: string): string[][] {
  const rows = readSource(path)
    .split('\n')
    .filter((line) => line.startsWith('|'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replaceAll('`', '')),
    )
  return rows.slice(2)
}

test('spec/errors.md lists every error code with its kind and status, in order', () => {
  const documented = tableOf('shared/spec/errors.md').map(([code, kind, status]) => [code, kind, status])
  const coded = Object.entries(ERROR_CODES).map(([code, { kind, status }]) => [code, kind, String(status)])
  expect(documented).toEqual(coded)
})

test('spec/errors.md says of each code when it happens', () => {
  expect(tableOf('shared/spec/errors.md').filter(([, , , when]) => !when || when.length < 10)).toEqual([])
})

describe('dependencies', () => {
  const ROOMS = ['.', 'shared', 'device-agent', 'relay', 'test']
  const PAGE = 'shared/spec/decisions/0002-dependencies.md'

  interface Manifest {
    readonly dependencies?: Record<string, string>
    readonly devDependencies?: Record<string, string>
    readonly optionalDependencies?: Record<string, string>
  }

  const used = new Set(
    ROOMS.flatMap((room) => {
      const { dependencies, devDependencies, optionalDependencies } = JSON.parse(
        readSource(`${room}/package.json`),
      ) as Manifest
      return Object.keys({ ...dependencies, ...devDependencies, ...optionalDependencies })
    }).filter((name) => !name.startsWith('@latchkey/')),
  )

  test('each have one line that says why, and no line has no dependency', () => {
    expect(tableOf(PAGE).map(([name]) => name)).toEqual([...used].sort())
  })

  test('each line says why, licence, whether it lives, and that it runs on arm64', () => {
    expect(tableOf(PAGE).filter((cells) => cells.length !== 5 || cells.some((cell) => cell === ''))).toEqual([])
  })

  test('none that is linked has a licence that binds the project', () => {
    const binding = tableOf(PAGE).filter(([, , licence]) => /GPL|SSPL|BUSL/.test(licence!))
    expect(binding.filter(([, , licence]) => !licence!.includes('never linked'))).toEqual([])
  })
})
