/** Every function and constant that shared offers says what it is. */
import ts from 'typescript'
import { expect, test } from 'vitest'
import { filesBelow, parseSource } from '../support/source-files.ts'

const isExported = (node: ts.HasModifiers) =>
  node.modifiers?.some(({ kind }) => kind === ts.SyntaxKind.ExportKeyword) === true

/** Does an empty line stand before it? A docstring speaks for the lines that follow it without one. */
const startsParagraph = (statement: ts.Statement, source: ts.SourceFile) =>
  /^\s*\n\s*\n/.test(source.text.slice(statement.getFullStart(), statement.getStart()))

/** The compiled check of a schema needs no words beside the schema's. */
const isValidator = (statement: ts.Statement) =>
  ts.isVariableStatement(statement) &&
  statement.declarationList.declarations.every(({ initializer }) =>
    initializer?.getText().startsWith('createValidator('),
  )

/** `path: name` of exported declarations without a docstring. A schema and its type share one. */
function undocumented(source: ts.SourceFile): string[] {
  const documented = new Set<string>()
  const missing: string[] = []
  let covered = false
  for (const statement of source.statements) {
    const hasOwn = ts.getJSDocCommentsAndTags(statement).length > 0
    covered = hasOwn || (covered && !startsParagraph(statement, source))
    if (!ts.canHaveModifiers(statement) || !isExported(statement) || isValidator(statement)) continue
    const names = namesOf(statement)
    if (covered) for (const name of names) documented.add(name)
    else missing.push(...names)
  }
  return missing.filter((name) => !documented.has(name)).map((name) => `${source.fileName}: ${name}`)
}

function namesOf(statement: ts.Statement): string[] {
  if (ts.isVariableStatement(statement)) return statement.declarationList.declarations.map(({ name }) => name.getText())
  if (ts.isFunctionDeclaration(statement) || ts.isClassDeclaration(statement))
    return [statement.name?.text ?? 'default']
  return []
}

test('exports of shared have docstrings', () => {
  const files = ['shared/src', 'shared/client', 'shared/monitor', 'shared/node'].flatMap((room) =>
    filesBelow(room, '.ts'),
  )
  expect(files.length).toBeGreaterThan(40)
  expect(files.flatMap((path) => undocumented(parseSource(path)))).toEqual([])
})

test('the check sees a missing one', () => {
  const text =
    '/** Yes. */\nexport const a = 1\nexport const also = 1\n\nexport function b() {}\nexport const c = 2, d = 3\nconst e = 4\n'
  expect(undocumented(parseSource('seeded.ts', text))).toEqual(['seeded.ts: b', 'seeded.ts: c', 'seeded.ts: d'])
})
