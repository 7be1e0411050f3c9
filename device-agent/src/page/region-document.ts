import { LatchkeyError } from '@latchkey/shared'
import { type Document, isMap, parseDocument } from 'yaml'
import type { RegionSections } from './region.ts'

type Shape = RegionSections['zones'][string] | RegionSections['masks'][string]

function pointsNode(document: Document, points: Shape['points']) {
  const node = document.createNode(points.map(([x, y]) => [x, y]))
  node.flow = true
  return node
}

function isSame(document: Document, path: readonly string[], points: Shape['points']): boolean {
  const node = document.getIn(path, true)
  const held = node === undefined ? undefined : JSON.stringify((node as { toJSON?: () => unknown }).toJSON?.())
  return held === JSON.stringify(points)
}

/** Changes one shape in place, so that what the household wrote beside it stays. */
function writeShape(document: Document, path: readonly string[], shape: Shape): void {
  if (!isMap(document.getIn(path))) document.setIn(path, document.createNode({}))
  if ('kind' in shape && document.getIn([...path, 'kind']) !== shape.kind) document.setIn([...path, 'kind'], shape.kind)
  const points = [...path, 'points']
  if (!isSame(document, points, shape.points)) document.setIn(points, pointsNode(document, shape.points))
}

function writeSection(document: Document, path: readonly string[], shapes: Readonly<Record<string, Shape>>): void {
  const held = document.getIn(path)
  const names = isMap(held) ? held.items.map(({ key }) => String(key)) : []
  for (const name of names) if (!Object.hasOwn(shapes, name)) document.deleteIn([...path, name])
  if (Object.keys(shapes).length === 0) {
    if (held !== undefined) document.deleteIn(path)
    return
  }
  for (const parent of path.map((_, i) => path.slice(0, i + 1)))
    if (!isMap(document.getIn(parent))) document.setIn(parent, document.createNode({}))
  for (const [name, shape] of Object.entries(shapes)) writeShape(document, [...path, name], shape)
}

/**
 * The configuration file's text with other zones and masks; comments and everything else stay as they are.
 * Untrusted: `sections`, which the caller checks by the configuration's own rules.
 * @throws CONFIG_INVALID when the text is not YAML
 */
export function withRegions(text: string, { zones, masks }: RegionSections): string {
  const document = parseDocument(text, { schema: 'core', version: '1.2', logLevel: 'silent' })
  if (document.errors.length > 0) throw new LatchkeyError('CONFIG_INVALID', 'the configuration file is not YAML')
  writeSection(document, ['motion', 'zones'], zones)
  writeSection(document, ['masks'], masks)
  return document.toString({ lineWidth: 0 })
}

/** One line of a difference: kept, gone or new. */
export interface DiffLine {
  readonly sign: ' ' | '-' | '+'
  readonly text: string
}

const CONTEXT_LINES = 2

/** Longest common subsequence by lines; files of this kind have some hundred. */
function align(before: readonly string[], after: readonly string[]): DiffLine[] {
  const width = after.length + 1
  const lengths = new Uint16Array((before.length + 1) * width)
  for (let i = before.length - 1; i >= 0; i--)
    for (let j = after.length - 1; j >= 0; j--)
      lengths[i * width + j] =
        before[i] === after[j]
          ? lengths[(i + 1) * width + j + 1]! + 1
          : Math.max(lengths[(i + 1) * width + j]!, lengths[i * width + j + 1]!)
  const lines: DiffLine[] = []
  for (let i = 0, j = 0; i < before.length || j < after.length;) {
    if (i < before.length && before[i] === after[j]) {
      lines.push({ sign: ' ', text: before[i++]! })
      j++
    } else if (j >= after.length || (i < before.length && lengths[(i + 1) * width + j]! >= lengths[i * width + j + 1]!))
      lines.push({ sign: '-', text: before[i++]! })
    else lines.push({ sign: '+', text: after[j++]! })
  }
  return lines
}

/** What differs between two texts, with two lines around each place; empty when nothing does. */
export function diffLines(before: string, after: string): DiffLine[] {
  const lines = align(before.trimEnd().split('\n'), after.trimEnd().split('\n'))
  const isNear = (at: number) =>
    lines.slice(Math.max(0, at - CONTEXT_LINES), at + CONTEXT_LINES + 1).some(({ sign }) => sign !== ' ')
  return lines.filter((_, at) => isNear(at))
}
