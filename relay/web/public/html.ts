/** Text that is markup already; everything else is escaped where it is put in. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** What may stand in a page. `null` and `false` leave nothing. */
export type Piece = string | number | Html | null | false | readonly Piece[]

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** For text and for quoted attributes alike. */
export const escapeText = (text: string): string => text.replaceAll(/[&<>"']/g, (character) => ENTITIES[character]!)

function markupOf(piece: Piece): string {
  if (piece === null || piece === false) return ''
  if (piece instanceof Html) return piece.text
  if (typeof piece === 'object') return piece.map(markupOf).join('')
  return escapeText(String(piece))
}

/** A piece of a page: `html\`<p>${anything}</p>\``. Attributes must be quoted. */
export function html(parts: TemplateStringsArray, ...pieces: readonly Piece[]): Html {
  return new Html(parts.map((part, i) => part + (i < pieces.length ? markupOf(pieces[i]!) : '')).join(''))
}
