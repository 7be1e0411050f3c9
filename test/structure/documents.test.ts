/** What the documents list is what the code has. */
import { describe, expect, test } from 'vitest'
import { configTable, exampleConfig } from '../../device-agent/src/config-document.ts'
import { ROUTES } from '../../relay/src/http/routes.ts'
import { AUDIT_CODES } from '../../shared/src/audit/audit-finding.ts'
import { NOT_JUDGED } from '../../shared/src/audit/not-judged.ts'
import { ERROR_CODES } from '../../shared/src/errors.ts'
import * as shared from '../../shared/src/index.ts'
import { CHECKLIST } from '../../shared/src/verify/checklist.ts'
import { readSource } from '../support/source-files.ts'

/** Cells of every table row of a page, the first table's header and rule left out. */
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

test('spec/http.md lists every route with its callers, in order', () => {
  const documented = tableOf('shared/spec/http.md').filter(([route]) => /^(GET|PUT|POST|DELETE) /.test(route!))
  const coded = ROUTES.map(({ method, url, callers }) => [
    `${method} ${url.replaceAll(/:(\w+)/g, '{$1}').replace('*', '{path}')}`,
    callers.join(', '),
  ])
  expect(documented.map(([route, callers]) => [route, callers])).toEqual(coded)
})

test('spec/signed-objects.md lists every signed object', () => {
  const exported: readonly unknown[] = Object.values(shared)
  const coded = exported
    .filter(
      (value): value is { typ: string } =>
        typeof value === 'object' && value !== null && 'schema' in value && 'typ' in value,
    )
    .map(({ typ }) => typ)
  const documented = tableOf('shared/spec/signed-objects.md').map(([typ]) => typ!)
  expect(documented.filter((typ) => typ.startsWith('latchkey-')).sort()).toEqual(coded.sort())
})

test('spec/verify.md has the checks in order, and word for word what is not proven', () => {
  const rows = tableOf('shared/spec/verify.md').filter(([number]) => /^\d+$/.test(number!))
  expect(rows.map(([number, name]) => [Number(number), name])).toEqual(
    CHECKLIST.map(({ number, name }) => [number, name]),
  )
  const page = readSource('shared/spec/verify.md')
  expect(shared.NOT_PROVEN.filter((line) => !page.includes(`- ${line}\n`))).toEqual([])
})

test('spec/consent.md holds the words of the notice', () => {
  const page = readSource('shared/spec/consent.md')
  const golden = readSource('test/vectors/notice-1-en.txt').split('\n')
  const fixed = golden.map((line) => line.replace(/(?<=^(?:[A-Z][a-z ]+)): .*$/, ':').replace(/ \d{4}-.*/, ''))
  expect(fixed.filter((words) => !page.includes(words))).toEqual([])
})

test('spec/monitor.md lists every finding of a monitor in order, and word for word what it cannot judge', () => {
  expect(tableOf('shared/spec/monitor.md').map(([code]) => code)).toEqual(Object.keys(AUDIT_CODES))
  const page = readSource('shared/spec/monitor.md')
  for (const line of NOT_JUDGED) expect(page).toContain(`- ${line}`)
})

test('spec/log.md lists every type of leaf', () => {
  expect(tableOf('shared/spec/log.md').map(([type]) => type)).toEqual(shared.LEAF_TYPES)
})

describe('the configuration of the agent (npm run documents writes both)', () => {
  test('stands in its README, key by key', () => {
    const page = readSource('device-agent/README.md')
    const table = page.slice(page.indexOf('<!-- configuration -->'), page.indexOf('<!-- /configuration -->'))
    const rows = table.split('\n').filter((line) => line.startsWith('| `'))
    const written = rows.map((line) => line.split(' | ').map((cell) => cell.replace(/^\| | \|$/g, '').trim()))
    expect(written).toEqual(configTable())
  })

  test('is what the annotated file explains', () => {
    expect(readSource('device-agent/agent.yml')).toBe(exampleConfig())
  })
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
