import type { ReceiverKind, SharedOnConflict } from '@latchkey/shared'
import { INCIDENT_WORDS } from '../../kit/incident-words.ts'

/** English words around being asked, deciding, and what was decided. */
export const decisions = {
  incidents: INCIDENT_WORDS,
  kinds: {
    police: 'Police',
    sheriff: 'Sheriff',
    fire: 'Fire service',
    'public-defender': 'Public defender',
    'defence-investigator': 'Investigator for the defence',
  } as Readonly<Record<string, string>>,
  questions: {
    title: 'Questions',
    off: 'You are not asked anything',
    offText:
      'Somebody who investigates may ask the people of an area for recordings. You see such questions only if you want to. Whether you do, and what you answer, is told to nobody.',
    on: 'Show me questions that concern my door',
    onText: 'Questions that concern your door and your recordings are shown here. Nobody is told that you see them.',
    turnOff: 'Do not show me questions',
    none: 'No question concerns your door now.',
    pause: {
      title: 'Not now',
      text: 'You can have no questions for a while, on all phones of your household. Nobody is told.',
      day: 'None until tomorrow',
      week: 'None for a week',
      paused: (until: string) => `No questions until ${until}`,
      pausedText: 'On no phone of your household. What was asked meanwhile and is still open is shown then.',
      end: 'Show them now',
    },
    refused: (count: number) =>
      count === 1
        ? 'One question that the relay sent is not what it claims to be, and is not shown.'
        : `${count} questions that the relay sent are not what they claim to be, and are not shown.`,
    unlogged: (uri: string) =>
      `The relay says that ${uri} asks, but the public log does not say so of it, or not for long enough. Nothing that it asks is shown. The relay may be lying.`,
    policyUnlogged:
      'The rules by which your relay takes questions are not in the public log as it says, or it hides newer ones. No question is shown. The relay may be lying.',
    by: (agency: string) => `Asked by ${agency}`,
    window: (from: string, to: string) => `${from} to ${to}`,
    clips: (count: number) =>
      count === 1 ? 'One of your clips is from these minutes' : `${count} of your clips are from these minutes`,
    answered: 'You decided about this on this phone.',
    look: 'Read the question',
    mute: 'Hide all questions from them',
    muted: (uri: string) => `Questions from ${uri} are hidden.`,
    unmute: 'Show them again',
  },
  decide: {
    title: (agency: string) => `A question from ${agency}`,
    who: 'Who asks',
    agency: 'Agency',
    agencyLogged: 'This phone found it in the public log, with these keys.',
    domain: 'Its own address',
    kind: 'Kind',
    since: 'Takes part since',
    person: 'Person',
    keyAge: 'Their key was certified',
    contact: 'Contact',
    contactHint: 'Writing or calling tells them that you have a camera.',
    case: 'The case',
    caseNumber: 'Case number',
    happened: 'What happened',
    reason: 'Their own words',
    where: 'Where',
    outline: 'Outline of the area with your door as a dot, north up.',
    area: (a: { km2: string; tall: number; wide: number; farthest: number }) =>
      `An area of ${a.km2} km², about ${a.tall} m from north to south and ${a.wide} m from west to east. Your door is inside; every part of it is within ${a.farthest} m of your door.`,
    when: 'Which minutes',
    send: 'What would be sent',
    chooseClip: 'Which clip',
    preview: 'Look at what would be sent',
    clip: (from: string, to: string) => `${from} to ${to}`,
    from: 'From',
    to: 'To',
    onePiece: 'This is one piece of about two seconds; it is sent whole or not at all.',
    pieces: (count: number, seconds: string) =>
      `${count} ${count === 1 ? 'piece' : 'pieces'} of video, ${seconds} seconds.`,
    noSound: 'No sound will be sent.',
    noExtras: 'Neither the still picture nor the name of your camera will be sent.',
    you: 'What they learn about you',
    youNothing: 'Nothing. Your name, address, e-mail and phone number are not sent.',
    youSealed: 'Only what you ticked and wrote here, sealed so that they alone can read it. Nobody checks it.',
    youPixels: 'But a recording can show where it was made: look at what is in the picture.',
    youTicks: 'Tell them as well, if you want to:',
    youMissing: 'Write what you ticked, or take the tick away.',
    details: {
      name: { tick: 'My name', field: 'Name' },
      email: { tick: 'My e-mail address', field: 'E-mail address' },
      phone: { tick: 'My phone number', field: 'Phone number' },
      address: { tick: 'My address', field: 'Address' },
    },
    keep: 'How long they may keep it',
    days: (count: number) => (count === 1 ? '1 day' : `${count} days`),
    promised: (count: number) => `They promise ${count === 1 ? '1 day' : `${count} days`} at most. You may allow less.`,
    question: 'This is a question, not an order. You may ignore it. Nobody will be told.',
    share: 'Share',
    dontShare: 'Don’t share',
    no: {
      title: 'Nothing is sent',
      text: 'Nothing leaves this phone. Neither they nor the relay learn that you read the question.',
      again: 'The question stays in your list until it ends, in case you change your mind.',
      done: 'Done',
    },
    recap: {
      title: 'Before you sign',
      text: 'These are the words your signature will stand for.',
      undo: (minutes: number) =>
        minutes === 0
          ? 'It counts at once.'
          : `It counts only in ${minutes === 1 ? 'one minute' : `${minutes} minutes`}. Until then you can take it back and nobody will ever know.`,
      sign: 'Sign and share',
      signing: 'Signing…',
      renewed: 'The times were brought up to date.',
      about: 'What you tell them about yourself',
      aboutKept: 'Sealed to them with your signature. This app does not keep it.',
    },
    gone: 'This question has ended, or does not concern your recordings any more.',
  },
  shared: {
    title: 'Shared',
    none: 'You have shared nothing.',
    to: (agency: string) => `To ${agency}`,
    signed: (when: string) => `Signed ${when}`,
    states: {
      unsent: 'Not sent yet. It is sent as soon as the relay can be reached.',
      stale: 'Not sent: it waited so long that there would be no time left to take it back. Sign it again.',
      refused: 'Not sent: the relay refused it.',
      dropped: 'Taken back before it was sent.',
      pending: 'Sent; waiting for its place in the public log.',
      'awaiting-approval': 'Sent; another owner of the household must agree.',
      waiting: (until: string) => `Sent. It counts from ${until}; until then nobody knows of it.`,
      live: (until: string) => `They may download it until ${until}.`,
      used: 'Downloaded as often as you allowed.',
      expired: 'Ended without another download.',
      revoked: 'Taken back.',
    },
    downloads: (count: number, most: number) => `Downloaded ${count} of ${most} times.`,
    undo: 'Take it back',
    undoFree: 'Take it back now: nobody will know that you ever agreed.',
    revoke: 'Take back',
    revokeText:
      'They can download nothing more. What was downloaded stays with them; they get a signed notice that you took it back, and it stands in the public record.',
    signAgain: 'Sign again',
    notice: 'What you signed',
    receipt: {
      save: 'Save a receipt',
      title: 'RECEIPT OF A CONSENT',
      who: (agency: string, when: string) => `Given to ${agency}, signed on ${when}.`,
      words: 'These are the words that were signed:',
      check:
        'For whoever checks it: the entry of the public log is the commitment to the signed text below under this salt (“sealed” entries, shared/spec/log.md). Whoever reads this file learns what was given to whom.',
    },
    log: {
      included: 'This phone found it in the public log.',
      waiting: 'It is not in the public log yet; that takes a minute or two.',
      overdue:
        'It should be in the public log by now and is not. The relay may be hiding it: ask its operator, and take it back if you doubt.',
      contradicted:
        'The public log holds something else where the relay says that this stands. The relay or its log is not honest: take it back.',
    },
    passedOn: {
      title: 'Passed on',
      why: 'The investigator says so, and signed it. Nobody can see a copy that was passed on in silence.',
      to: (name: string) => `To ${name}`,
      kinds: {
        prosecution: 'prosecution',
        defence: 'defence',
        court: 'a court',
        'local-agency': 'local police, sheriff or fire service',
        'state-or-federal-agency': 'a state or federal agency',
        expert: 'a laboratory or expert',
        'press-or-public': 'press, or the public',
        other: 'somebody else',
      } satisfies Record<ReceiverKind, string>,
      against: {
        'other-purpose': 'You did not allow this: it went on for another purpose than the one that you signed.',
        'kept-too-long': 'You did not allow this: the days for which they may keep it were over.',
        'taken-back': 'You did not allow this: you had taken it back.',
      } satisfies Record<SharedOnConflict, string>,
    },
    distrust:
      'The public log contradicts itself: it showed this phone two histories that cannot both be true. Do not share anything through this relay. The proof is kept on this phone.',
  },
}
