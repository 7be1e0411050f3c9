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
  title: 'Phones of your household',
  thisPhone: 'This phone',
  unnamed: 'A phone',
  firstPhone: 'The first phone',
  roles: { owner: 'may decide', viewer: 'may only look' },
  viewerOnly:
    'This phone may look at your clips. Only a phone that may decide can answer questions and change the household.',
  oldClips: (done: number, total: number) => `Older clips are made readable to every phone: ${done} of ${total}.`,
  oldClipsFailed: (count: number) =>
    count === 1
      ? 'One older clip could not be made readable to the new phone.'
      : `${count} older clips could not be made readable to the new phone.`,
  lost: 'Lost a phone?',
  lostText:
    'Take it out here, at once. It then opens nothing that is recorded from then on, and the relay gives it no older recording either. What it opened before, it may have kept.',
  lostAll:
    'If you lose every phone, open this page on a new one and choose “I have a recovery sheet”. A doorbell goes on recording meanwhile.',
  add: {
    open: 'Add a phone',
    title: 'Add a phone',
    why: 'Whoever has that phone can open every recording, old ones too. Taking it out again stops only what comes later.',
    name: 'What is it called?',
    nameHint: 'Only your phones see the name.',
    role: 'What may it do?',
    owner: 'Decide as you do: answer questions, add and remove phones',
    viewer: 'Only look at clips',
    show: 'Show the code',
    code: 'Scan this with the new phone’s camera',
    link: 'Or open this address there. Whoever has it can ask to be added; send it to nobody.',
    waiting: 'Waiting for the new phone…',
    compare: 'Does the new phone show these six digits?',
    same: 'They are the same',
    differ: 'They differ',
    differs: 'Then another phone read the code before yours did. Nothing was added. Begin again with a new code.',
    press: 'Now say yes at the door',
    pressText:
      'Press the doorbell’s button three times within ten seconds. Where there is no button, run “latchkey-agent accept” on the doorbell.',
    pressWhy: 'Without a yes at the door nobody can add a phone: not a thief of this one, and not the relay.',
    added: 'The phone belongs to your household',
    addedText: 'It opens new clips now. Leave this page open until it can open the older ones too.',
    done: 'Done',
  },
  remove: {
    open: (name: string) => `Take out ${name}`,
    title: (name: string) => `Take out ${name}?`,
    what: 'It can open nothing that is recorded from then on, and answers no more questions for your household.',
    keeps: 'What it could open before, it may have kept. Nobody can take that back.',
    yes: 'Take it out',
  },
  quorum: {
    title: 'Who must agree',
    one: 'One owner decides alone.',
    two: 'Two owners must agree before a clip is shared or a phone is taken out.',
    toTwo: 'Let two owners agree',
    toOne: 'Let one owner decide',
    toTwoText:
      'From then on nothing is shared, and no phone taken out, before a second owner’s phone agreed. If you lose all but one of the owners’ phones, only your recovery sheet helps.',
    toOneText: 'From then on each owner’s phone can share a clip and take out a phone alone.',
  },
  waiting: {
    title: 'A change waits',
    by: (name: string) => `Signed on ${name}:`,
    byYou: 'Signed on this phone:',
    adds: (role: string) => `a new phone is added, which ${role}`,
    removes: (name: string) => `${name} is taken out`,
    objects: 'what was signed with the recovery sheet alone is stopped',
    two: 'two owners must agree from then on',
    one: 'one owner decides alone from then on',
    forOther: 'Another owner must agree on their own phone, under Home.',
    agree: 'Agree',
    no: 'Reject it',
    withdraw: 'Take it back',
  },
  second: {
    title: 'Your word is needed',
    text: 'Another owner of your household signed these words. Nothing is shared unless you agree too. You may leave it: nobody outside is told.',
    agree: 'Agree to share',
  },
  news: (count: number) =>
    count === 1
      ? 'Another phone of your household agreed to share a clip.'
      : `Other phones of your household agreed to share ${count} clips.`,
  passedOn: (count: number) =>
    count === 1
      ? 'A recording that you shared was passed on.'
      : `Recordings that you shared were passed on ${count} times.`,
  newsLook: 'See what was shared',
  signedBy: (name: string) => `Signed on ${name}`,
  agreedBy: (name: string) => `${name} agreed as well.`,
  join: {
    title: 'Join a household',
    lead: 'The phone that showed you this code wants to add this one to its household.',
    begin: 'Make this phone’s keys',
    digits: 'The other phone must show the same six digits',
    waiting: 'Waiting until they were compared and somebody said yes at the doorbell…',
    settings: 'You belong to the household. Waiting for where its door is…',
    belongs: 'This phone belongs to a household already. It cannot join another.',
  },
}
