import type { ReceiverKind, SharedOnConflict } from '@latchkey/shared'

/** English words about who got next what was given. */
export const sharedOn = {
  sharedOn: {
    section: 'Who got it next',
    title: 'Say who got it next',
    titleOf: (when: string) => `Say who got next what was released ${when}`,
    listed: 'Passed on',
    listedOf: (when: string) => `Passed on, of what was released ${when}`,
    why: 'Whoever passes a recording on says to whom and why, once for each receiver. The owner’s household reads it whole. The public log holds it sealed: the public learns neither that it happened nor of which request. It cannot be taken back.',
    kind: 'Who received it',
    choose: 'Choose one',
    kinds: {
      prosecution: 'Prosecution',
      defence: 'Defence',
      court: 'Court',
      'local-agency': 'Local police, sheriff or fire',
      'state-or-federal-agency': 'State or federal agency',
      expert: 'Laboratory or expert',
      'press-or-public': 'Press, or the public',
      other: 'Somebody else',
    } satisfies Record<ReceiverKind, string>,
    name: 'Its name',
    nameHint: 'An office rather than a person: District Attorney of Example County.',
    at: 'When it was handed over',
    purpose: 'For what',
    asAllowed: (purpose: string) => `For what the owner allowed. ${purpose}`,
    other: 'For something else',
    reason: 'Why',
    reasonHint: 'In your own words, in one paragraph. The household reads them.',
    against: {
      'other-purpose': 'This goes against the consent: the owner allowed it for another purpose.',
      'kept-too-long': 'This goes against the consent: the days for which the owner allowed it were over.',
      'taken-back': 'This goes against the consent: the owner had taken it back.',
    } satisfies Record<SharedOnConflict, string>,
    nevertheless: 'Say it nevertheless: what happened belongs on record. The household is told so too.',
    sign: 'Sign the entry',
    to: (name: string) => `To ${name}`,
    unsent: 'Signed, but the relay does not have it yet.',
    again: 'Send it again',
    elsewhere: 'What was given on requests that are not in this browser',
  },
}
