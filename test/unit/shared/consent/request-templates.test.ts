import {
  assertPlainText,
  digestOfTemplate,
  findTemplate,
  REQUEST_TEMPLATES,
  strayTemplates,
  templateEntry,
} from '@latchkey/shared'
import { describe, expect, test } from 'vitest'
import { readSource } from '../../../support/source-files.ts'
import { casePolicy } from '../../../support/vector-case.ts'

/** Rows of the table in the specification: id and digest. */
const specified = [
  ...readSource('shared/spec/request.md').matchAll(/^\| `([a-z-]+-\d+)` *\| `([\w-]{43})` *\|$/gm),
].map(([, id, digest]) => [id, digest])

test('the policy names published texts and no others, each once', () => {
  expect(REQUEST_TEMPLATES.map((one) => ({ id: one.id, digest: digestOfTemplate(one) }))).toEqual(casePolicy.templates)
  expect(strayTemplates(casePolicy)).toEqual([])
  expect(findTemplate('burglary-1')?.title).toBe('Burglary')
  expect(findTemplate('our-own')).toBeNull()
})

test('a digest that no published text of that id has is told', () => {
  const [burglary, collision] = casePolicy.templates.map(templateEntry)
  const templates = [
    'our-own',
    'burglary-1',
    { id: 'collision-1', digest: burglary!.digest! },
    { id: 'new-1', digest: collision!.digest! },
  ]
  expect(strayTemplates({ templates })).toEqual(['collision-1', 'new-1'])
})

test('a text stands for ever under its id: the specification holds the digest of each', () => {
  expect(REQUEST_TEMPLATES.map((template) => [template.id, digestOfTemplate(template)])).toEqual(specified)
})

describe.each(REQUEST_TEMPLATES)('$id', ({ text }) => {
  test('says what a camera is, that nobody must answer, and that silence stays silent', () => {
    expect(text).toMatch(/surveillance cameras/)
    expect(text).toMatch(/a question, not an order\. You need not answer, and nobody is told/)
  })

  test('urges, praises, promises and threatens nothing, and describes nobody', () => {
    const pressing =
      /\b(help|please|urgent|important|must|solve|catch|safe|neighbou?rs?|community|crime|suspect|thank|reward|\w+ly\b needed)/i
    expect(text).not.toMatch(pressing)
    expect(text).not.toMatch(/!|\d/)
  })

  test('is plain text in one paragraph and leaves room for what happened', () => {
    expect(() => assertPlainText(text)).not.toThrow()
    expect(text.length).toBeLessThanOrEqual(350)
  })
})
