/** The words about the phones of a household. */
export const household = {
  distrust: {
    forked:
      'The relay shows two different lists of your household’s phones, both validly signed. Somebody who owns one of the phones, or the recovery sheet, signed a second one. Share nothing until you know who. The proof is kept on this phone.',
    unfounded:
      'The relay shows a list of your household’s phones that nobody of your household may have signed. It was not taken. The relay is not honest, or somebody deceives it. The proof is kept on this phone.',
    unlogged:
      'The relay shows a list of your household’s phones that does not stand in the public log. It was not taken. The proof is kept on this phone.',
    'rolled-back':
      'The relay no longer shows the newest list of your household’s phones, which this phone has seen. It was not taken back. Do not share anything through this relay until it shows it again.',
  },
  refused:
    'The relay no longer takes this phone for one of your household’s. If somebody removed it, that is why. What this phone keeps can still be looked at; nothing new arrives.',
}
