import { type Digest, digestOfJson } from '../crypto/hash.ts'
import type { Policy, TemplateEntry } from '../wire/policy.ts'

/** A text that agencies start from. Under one id it never changes: another text is another id. @see spec/request.md, "Templates" */
export interface RequestTemplate {
  readonly id: string
  /** What it is for, in a word or two. */
  readonly title: string
  /** The words themselves, at most 600 characters, one paragraph. */
  readonly text: string
}

const FREE = 'This is a question, not an order. You need not answer, and nobody is told if you do not.'

/** Every published text. A test holds each to its digest in the specification, and to what such a text may say. */
export const REQUEST_TEMPLATES: readonly RequestTemplate[] = [
  {
    id: 'burglary-1',
    title: 'Burglary',
    text: `We are looking into a burglary in this area. We ask for recordings of surveillance cameras that show the street, or people who come and go, in the minutes named here. ${FREE}`,
  },
  {
    id: 'collision-1',
    title: 'Collision',
    text: `We are looking into a collision on a street in this area. We ask for recordings of surveillance cameras that show the street, or vehicles that pass, in the minutes named here. ${FREE}`,
  },
  {
    id: 'parcel-theft-1',
    title: 'Parcel theft',
    text: `We are looking into the theft of a parcel in this area. We ask for recordings of surveillance cameras that show the way to a door, or somebody who carries a parcel, in the minutes named here. ${FREE}`,
  },
  {
    id: 'missing-person-1',
    title: 'Missing person',
    text: `We are looking for a person who is missing and may have passed through this area. We ask for recordings of surveillance cameras that show people on foot in the minutes named here. ${FREE}`,
  },
  {
    id: 'general-1',
    title: 'General',
    text: `We are looking into something that happened in this area. We ask for recordings of surveillance cameras that show the street in the minutes named here. ${FREE}`,
  },
]

/** The published text of that id; null where there is none, as a relay's policy may name its own. */
export function findTemplate(id: string): RequestTemplate | null {
  return REQUEST_TEMPLATES.find((template) => template.id === id) ?? null
}

/** What a policy names a text by. */
export const digestOfTemplate = ({ id, title, text }: RequestTemplate): Digest => digestOfJson({ id, title, text })

/** An entry of a policy's `templates`; without a digest the id may mean any text. */
export const templateEntry = (entry: TemplateEntry): { readonly id: string; readonly digest: Digest | null } =>
  typeof entry === 'string' ? { id: entry, digest: null } : entry

/**
 * Texts that these rules name by a digest which the published text of that id does not have, or that are not published at
 * all: nobody can show what an agency would start from.
 * @returns their ids
 */
export const strayTemplates = ({ templates }: Pick<Policy, 'templates'>): string[] =>
  templates.map(templateEntry).flatMap(({ id, digest }) => {
    const published = findTemplate(id)
    return digest === null || (published !== null && digestOfTemplate(published) === digest) ? [] : [id]
  })
