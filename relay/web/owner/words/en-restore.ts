/** The words about a household that comes back from its recovery sheet. */
export const restore = {
  open: 'I have a recovery sheet',
  openTitle: 'Lost your phone?',
  openWhy:
    'If no other phone of your household is left, its recovery sheet brings it to this one. If one is left, let it add this phone: that needs no waiting.',
  read: {
    title: 'Your recovery sheet',
    lead: 'What you scan or type here stays on this phone. It is used to find your household and to sign one change, and is then forgotten.',
    scan: 'Scan the sheet’s code',
    view: 'What the camera sees',
    why: 'Your browser will ask whether Latchkey may use the camera. The picture stays on this phone, and the camera is off once the code is found.',
    start: 'Scan the code with the camera',
    hold: 'Hold the code of the sheet in front of the camera.',
    other: 'That is a code, but not one of a recovery sheet.',
    type: 'Or type the 24 words',
    typeWhy: 'The first four letters are enough for each. You may paste all of them into the first field.',
    word: 'Word',
    unknown: 'not on the list',
    suggestions: 'Words of the list',
    missing: (positions: string) => `Still missing: word ${positions}.`,
    wrong: (positions: string) => `Not on the list of words: word ${positions}. Look at the paper once more.`,
    sum: 'Every word is on the list, but together they are no sheet: one is another word, or two changed places. Compare each with the paper.',
    code: 'This code is damaged. Scan it once more, or type the words.',
  },
  relay: {
    title: 'Where is your household?',
    lead: 'The sheet names the relay that keeps your sealed recordings. This phone then makes sure that it is the one on the sheet.',
    address: 'Relay',
    addressHint: 'As it stands on the sheet; it begins with https://',
    addressBad: 'This is not an address.',
    code: 'Its code',
    codeHint: 'Sixteen letters and digits, below the relay’s address on the sheet.',
    codeBad: 'A code has sixteen letters and digits.',
    old: 'My sheet names no relay',
    oldWhy:
      'Older sheets do not. Then this phone has to believe whoever answers at the address: a false relay could show you an older list of your phones. It could not open a recording.',
    differs:
      'The relay at this address is not the one of that code. Nothing of your sheet was sent to it. Compare address and code with the sheet. If both are right, somebody stands between you and your relay, or it has a new key: ask its operator, and do not go on until you know.',
    unreachable:
      'No relay answers at this address. This page may also be made for other relays only: open the page that your sheet names, and check the address.',
  },
  look: {
    title: 'Looking for your household…',
    failed: 'Your household was not restored',
    failures: {
      CALLER_REFUSED:
        'This relay knows no household of this sheet. Check that the sheet is the right one and that its relay is this one.',
      KEYSET_FORK:
        'The relay shows two different lists of your household’s phones, both validly signed. Somebody who owns one of the phones, or a copy of this sheet, signed a second one. Nothing was changed. Do not go on until you know who.',
      KEYSET_INVALID:
        'The relay shows a list of phones that nobody of your household may have signed. Nothing was changed. The relay is not honest, or somebody deceives it.',
      KEYSET_SUPERSEDED:
        'The public log holds a newer list of your household’s phones than the relay shows. Nothing was changed. Do not go on before the relay shows it: try again later, or ask its operator.',
      LOG_PROOF_INVALID:
        'What the relay shows does not stand in its public log. Nothing was changed. The relay is not honest, or somebody deceives it.',
      CHECKPOINT_INVALID:
        'The log of this relay is not signed by the key that your sheet names. Nothing was changed. Somebody may stand between you and your relay.',
      LOG_RANGE: 'The relay’s log does not reach that far yet. Try again in a minute.',
    } as Readonly<Record<string, string>>,
    waits: (when: string) =>
      `Somebody already began to restore this household with this sheet, on another phone, which takes over on ${when}. A second one cannot begin before. If that was not you, somebody has your sheet: object on one of your phones, under Home.`,
    unsearched:
      'This relay’s log is too long to be looked through on a phone, so an older list of phones could be shown here unnoticed.',
  },
  phones: {
    title: 'Which phones are lost?',
    lead: 'These belong to your household. Their names are sealed to them, so this phone knows them only by their day.',
    none: 'No phone has to be taken out.',
    name: (count: number, when: string) => `Phone ${count}, since ${when}`,
    kept: 'I still have it',
    lost: 'It is lost, or I do not know it',
    ask: 'Say for every phone whether you still have it.',
    lostWhy:
      'A lost phone is taken out: it opens nothing that is recorded once this phone took over. What it could open before, it may have kept.',
    quicker:
      'You still have a phone that may decide. It can add this one at once, without waiting: open Latchkey there, go to Home and choose “Add a phone”. The sheet is not needed for that.',
  },
  confirm: {
    title: 'Restore your household?',
    adds: 'This phone becomes an owner of your household.',
    removes: (count: number) =>
      count === 0
        ? 'No phone is taken out.'
        : count === 1
          ? 'One lost phone is taken out.'
          : `${count} lost phones are taken out.`,
    until: (when: string) =>
      `Nobody with only the sheet takes over at once. It counts from ${when}, three days from now. So somebody who stole the sheet can be stopped.`,
    others:
      'Every phone of your household sees this, and an owner’s phone can object until then. Any other change to the household’s phones stops it too.',
    look: 'Until then this phone may look. It opens the recordings with the key of the sheet. It cannot share, delete or add anything.',
    noClips:
      'The key on this sheet is not the one that your recordings are sealed to now. Until this phone took over it opens none of them, and older ones only where another of your phones makes them readable.',
    forget:
      'The sheet’s key stays on this phone in a form that nobody can read, until this phone took over and every recording opens with its own key. Then it is forgotten. The key that signs this change is forgotten at once. The paper stays good: keep it.',
    names:
      'The names of phones and your choices about questions are sealed to your other phones. If all of them are lost, you choose anew.',
    yes: 'Restore my household',
    done: 'The relay has this change already: the page was closed before it answered. This phone only has to keep it.',
    busy: 'Signing and handing it in…',
    clock: 'The relay did not take the change. If this phone’s clock is wrong, set it right and try again.',
  },
  waiting: {
    title: 'This phone does not decide yet',
    questions: 'This phone answers no questions before it took over.',
    text: (when: string) =>
      `You restored this household from its recovery sheet. This phone takes over on ${when}. Until then it may look at recordings, and an owner’s phone can object.`,
  },
  stopped: {
    title: 'The restoration was stopped',
    text: 'The relay no longer takes this phone for one of your household’s. An owner’s phone objected, or changed the household’s phones meanwhile. If that was your family, ask them to add this phone. If nobody of you did it, begin again with the sheet.',
    forget: 'Forget this household on this phone',
    why: 'Its keys, the key of the sheet and what it kept are deleted here, and you can begin again.',
  },
  warning: {
    title: 'Somebody uses your recovery sheet',
    text: (when: string) =>
      `A change was signed with the sheet alone. It counts from ${when} unless an owner’s phone objects before:`,
    adds: (role: string) => `a new phone is added, which ${role}`,
    removes: (name: string) => `${name} is taken out`,
    one: 'one owner decides alone from then on',
    two: 'two owners must agree from then on',
    recovery: 'recordings are sealed to another sheet from then on',
    ask: 'If somebody of your household lost a phone and restores it, leave it. If not, somebody has a copy of your sheet: object.',
    object: 'Object: nobody of us does this',
    objectWhy: 'Then nothing changes. The sheet still opens old recordings for whoever has it and gets at them.',
    viewer: 'Ask an owner of your household to look at this on their phone.',
    waits: 'Your objection is signed. Another owner must agree on their own phone, under Home.',
  },
}
