/** What no reader of the public record can judge. Fixed words, printed with every look. @see spec/monitor.md */
export const NOT_JUDGED: readonly string[] = [
  'Refused requests whose text you do not hold: the relay never shows it. Only their form, and what agency entries and the counts of accepted requests rule out, is judged.',
  'Moments within an hour: the log tells hours, so a limit of the day or of open requests is judged only where the hours decide, and an entry may be up to an hour late.',
  'Requests that the relay neither accepted nor refused in public: an unproven requester leaves no entry.',
  'Whether the numbers of a month are true: what was given stands in sealed entries.',
  'What stands behind sealed and keyset entries: only their parties can tell them from filling.',
  'What the limits of a policy should be.',
  'What the relay shows to somebody else: compare with other readers, or ask for witnesses in the trust file.',
]
