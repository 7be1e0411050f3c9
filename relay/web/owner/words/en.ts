import { clips } from './en-clips.ts'
import { decisions } from './en-decisions.ts'
import { doorbells } from './en-doorbells.ts'
import { household } from './en-household.ts'
import { push } from './en-push.ts'
import { restore } from './en-restore.ts'
import { version } from './en-version.ts'

/** Every English word of the app. Another language is another object of this shape. */
export const en = {
  language: 'en',
  ownName: {
    open: (what: string) => `Rename “${what}”`,
    field: (what: string) => `Another name for “${what}”`,
    hint: 'Only the phones of your household learn it.',
    wrong: 'A name has letters that one can see, 60 at most.',
    save: 'Keep this name',
  },
  app: {
    tabs: { clips: 'Clips', questions: 'Questions', shared: 'Shared', home: 'Home' },
    tabsLabel: 'Main',
    again: 'Try again',
    back: 'Back',
    next: 'Continue',
    failed: 'Something went wrong',
    failures: {
      UNAVAILABLE: 'The relay does not answer. Check your connection and try again.',
      PAIRING_FAILED:
        'This is not the doorbell of that code. Do not go on: somebody may stand between your phone and your doorbell. Ask the doorbell for a new code and try once more on another network.',
      ENROLMENT_CLOSED: 'This relay takes new households only with an invitation from its operator.',
      DEVICE_INVALID:
        'The relay refuses this doorbell. If it belonged to somebody before, reset it and ask for a new code.',
      COMMITMENT_MISMATCH: 'What the relay sent is not what your doorbell recorded. It was not opened.',
      ITEM_INVALID: 'What the relay sent is not what your doorbell recorded. It was not opened.',
      AGE_NO_MATCH: 'This was sealed before this phone belonged to the household, so it cannot open it.',
    } as Readonly<Record<string, string>>,
    code: (code: string) => `(${code})`,
  },
  welcome: {
    title: 'Your doorbell, under your key',
    lead: 'Latchkey seals every recording to keys that only you hold. This browser will hold the first one.',
    points: [
      'Nobody else can watch: not the company that stores the clips, not the police, not us.',
      'If somebody asks for a clip, you are the one who answers. Silence is an answer too, and nobody is told.',
      'If you lose every phone, only the sheet of paper you are about to make can bring your clips back.',
    ],
    probe: 'What this browser can do',
    probing: 'Trying what this browser can do…',
    fits: 'This browser can hold your keys.',
    falls: 'This browser cannot hold your keys',
    capability: {
      secure: 'The page was loaded safely',
      ed25519: 'It can sign without showing the key (Ed25519)',
      x25519: 'It can open clips without showing the key (X25519)',
      storage: 'It keeps data on this phone',
      persistent: 'It promises to keep the data when space is short',
    },
    remedy: {
      secure: 'Open the address that begins with https, or the one of this very computer.',
      ed25519: 'Update the browser: Chrome 137, Safari 17 and Firefox 129 can, and so can everything newer.',
      x25519: 'Update the browser: Chrome 133, Safari 17 and Firefox 130 can, and so can everything newer.',
      storage: 'You may be in a private window. Open Latchkey in an ordinary one.',
      persistent:
        'Add Latchkey to your home screen (share or menu button, then “Add to home screen”): most browsers promise it then. Your recovery sheet helps if it is ever lost.',
    },
    yes: 'Yes',
    no: 'No',
    begin: 'Set up my household',
    needCode: 'To begin, scan the code that your doorbell shows, or open its address here.',
    camera: {
      why: 'Your browser will ask whether Latchkey may use the camera. The picture stays on this phone, is looked at for the code and for nothing else, and the camera is off once it is found.',
      scan: 'Scan the code with the camera',
      asking: 'Opening the camera…',
      view: 'What the camera sees',
      hold: 'Hold the doorbell’s code in front of the camera.',
      other: 'That is a code, but not one of a doorbell.',
      stop: 'Turn the camera off',
      trouble: {
        denied:
          'Your browser does not let Latchkey use the camera. Allow it in the browser’s settings for this page, or type it below.',
        missing: 'No camera could be opened here. Type it below.',
      },
    },
    another: {
      title: 'Another doorbell',
      lead: 'Scan the code that the new doorbell shows, or type its address.',
      add: 'Add a doorbell',
    },
    scan: {
      label: 'Or type the address that the doorbell shows',
      hint: 'It begins with http and holds “/pair#”.',
      use: 'Use this address',
      bad: 'That is not an address that a doorbell shows.',
    },
  },
  place: {
    title: 'Where is the door?',
    why: 'When somebody asks for recordings from an area, your phone checks for itself whether your door lies in it. The exact place stays on your phones.',
    relay:
      'The relay learns only a square of about five kilometres, so that it knows which questions to hand out here.',
    use: 'Use this phone’s location',
    asking: 'Asking this phone…',
    denied: 'This phone does not tell its location. Type the place instead.',
    type: 'Or type it',
    label: 'Latitude, longitude',
    hint: 'As any map shows it, for example 47.6062, -122.3321',
    bad: 'Two numbers are needed: latitude from -90 to 90, longitude from -180 to 180.',
    found: (place: string) => `The door is at ${place}.`,
  },
  sheet: {
    title: 'Your recovery sheet',
    why: 'These 24 words are the last key to your household. They are shown once, here, and kept nowhere. Print them or write them down, and keep the paper as you keep a passport.',
    holder: 'Whoever has this sheet can open your clips and replace your phones.',
    words: 'The 24 words',
    code: 'The same as a code, for another phone to scan',
    where: 'To restore your household on a new phone',
    how: (page: string) =>
      `Open ${page} there and choose “I have a recovery sheet”. Scan the code, or type the 24 words and these two lines:`,
    relay: 'Relay',
    relayCode: 'Its code',
    logKey: 'Key of its public log, which the code stands for',
    identity: 'The key that opens your clips with the ordinary “age” program, without us',
    print: 'Print this sheet',
    made: (date: string) => `Made ${date}`,
    done: 'I have it on paper',
    confirm: 'Check your paper',
    confirmWhy: 'Type the last six characters of the key at the bottom of the sheet.',
    confirmLabel: 'Last six characters',
    confirmBad:
      'They are not the last six characters. Look at the very end of the line that begins with AGE-SECRET-KEY-1.',
    look: 'Show the sheet again',
    found: 'Begin my household',
    founding: 'Beginning your household…',
    invitation: 'Invitation',
    invitationHint: 'This relay asks for a code from its operator.',
  },
  pairing: {
    title: 'Meeting your doorbell',
    steps: {
      greeting: 'Hearing from the doorbell',
      vouching: 'Checking that it is the one whose code you scanned',
      confirming: 'Waiting until it has accepted you as its owner',
    },
    done: 'Your doorbell knows you',
    digits: 'Compare: your doorbell shows six digits where its code was. They must be these.',
    same: 'They are the same',
    differ: 'They differ',
    differs:
      'Then this is another doorbell than the one in front of you. Unplug it, reset it and pair it again; nothing that it recorded can be trusted.',
    expired: 'The code is only good for 15 minutes.',
  },
  clips,
  doorbells,
  ...decisions,
  household,
  push,
  restore,
  version,
  home: {
    title: 'Home',
    doorbells: 'Doorbells',
    door: 'Front door',
    phone: 'This phone',
    relay: 'Relay',
    cell: 'Square that the relay knows',
    place: 'Place of the door, on this phone only',
  },
}

export type Words = typeof en
