import type { ClipFault } from '@latchkey/shared'

/** The words about clips, a page of their own in the same language. */
export const clips = {
  title: 'Clips',
  none: 'Nothing was recorded yet. When somebody comes to the door, the clip appears here.',
  loading: 'Fetching your clips…',
  unreachable: 'The relay does not answer. What you see is as of the last time it did.',
  unreached: 'The relay does not answer. Your clips appear here as soon as it does.',
  asOf: (when: string) => `This is your list as of ${when}. Asking the relay what is new…`,
  asOfUnreached: (when: string) =>
    `The relay does not answer. This is your list as of ${when}; videos open as soon as it does.`,
  unanswered: 'The relay does not answer.',
  asOfClip: (when: string) => `This is what this phone knew of the clip on ${when}.`,
  asOfVideo:
    'The video stays with the relay. It opens here as soon as the relay answers and this phone has checked the clip anew.',
  unread: (count: number) =>
    count === 1
      ? 'The relay lists one clip whose papers cannot be read. It is not shown.'
      : `The relay lists ${count} clips whose papers cannot be read. They are not shown.`,
  last: (when: string) => `Last clip ${when}.`,
  checked: (time: string) => `Checked ${time}.`,
  live: 'New clips appear here by themselves.',
  visit: {
    ring: (time: string) => `Somebody rang at ${time}.`,
    motion: (time: string) => `Somebody moved at the door at ${time}.`,
  },
  visitSoon: 'The relay says so; the signed clip follows.',
  arrived: (count: number) => (count === 1 ? 'A new clip has arrived.' : `${count} new clips have arrived.`),
  today: 'Today',
  yesterday: 'Yesterday',
  older: (count: number) => (count === 1 ? 'Show one older clip' : `Show ${count} older clips`),
  trigger: { ring: 'Somebody rang', motion: 'Somebody moved' },
  triggerUnknown: 'Recording',
  seconds: (count: number) => (count === 1 ? '1 second' : `${count} seconds`),
  recording: 'Still being recorded',
  opening: 'Opening…',
  noPoster: 'No picture',
  posterRefused: 'The relay sent another picture than your doorbell took. It is not shown.',
  metaRefused: 'The relay sent another description than your doorbell wrote. It is not shown.',
  signed: 'Signed by your doorbell, and nothing was changed since.',
  signedTitle: 'What is known of it',
  faults: {
    unreadable: { note: 'Not what your doorbell signed', sentence: 'Its papers cannot be read.' },
    'clip-swapped': {
      note: 'Not what your doorbell signed',
      sentence: 'The relay put another clip in its place: the papers are those of a different one.',
    },
    'signature-invalid': {
      note: 'Not what your doorbell signed',
      sentence: 'The signature under it is not that of your doorbell.',
    },
    'device-unknown': {
      note: 'Not from a doorbell of yours',
      sentence: 'No owner of this household ever vouched for the device that signed it.',
    },
    'device-revoked': {
      note: 'From a doorbell that you no longer trust',
      sentence: 'It was signed after somebody of your household took the trust in this doorbell back.',
    },
    'device-mismatch': {
      note: 'Not what your doorbell signed',
      sentence: 'It names another doorbell than the one whose papers the relay shows.',
    },
    'keyset-unknown': {
      note: 'Sealed to keys that are not yours',
      sentence: 'It was sealed to a set of keys that your household, as this phone knows it, never had.',
    },
    'keyset-rolled-back': {
      note: 'Sealed to keys that were replaced before',
      sentence:
        'It was sealed to an older set of keys than clips before it. Whoever was removed from your household since may be able to open it.',
    },
    'items-replaced': {
      note: 'Not what your doorbell signed',
      sentence: 'Its list of pieces is not the one that your doorbell signed.',
    },
    'revision-older': {
      note: 'Older than what this phone has seen',
      sentence: 'This phone has seen more of this clip than the relay shows now. Somebody is hiding the end of it.',
    },
    'revision-conflict': {
      note: 'Not what this phone has seen',
      sentence:
        'This phone has seen other papers of this very clip, signed as well. Somebody else has your doorbell’s key: take your trust in it back.',
    },
    'clip-missing': {
      note: 'A clip before this one is missing',
      sentence: 'A clip before this one is not in the list.',
    },
    'clip-replaced': {
      note: 'The clip before this one was exchanged',
      sentence: 'The clip before this one is not the one that your doorbell recorded before it.',
    },
    'place-impossible': {
      note: 'Not what your doorbell signed',
      sentence: 'It says that it stands where no clip of your doorbell can stand.',
    },
  } satisfies Readonly<Record<ClipFault, { note: string; sentence: string }>>,
  missing: (count: number) =>
    count === 1
      ? 'The clip before this one is not in the list. Either somebody of your household deleted it, or its time was up, or the doorbell had no room for it, or the relay is hiding it.'
      : `${count} clips before this one are not in the list. Either somebody of your household deleted them, or their time was up, or the doorbell had no room for them, or the relay is hiding them.`,
  wrongWhy: 'The relay may be lying, or something between it and you. Nothing of this clip is opened.',
  back: 'All clips',
  gone: 'This clip is not in the list. It may have been deleted on another phone.',
  play: (what: string) => `Video: ${what}`,
  waiting: 'Waiting for the relay…',
  empty: 'There is no picture in this clip yet.',
  unplayable: 'This browser cannot play the video of this camera. Save it as a file and open it in a video player.',
  refused: (spans: string) =>
    `Left out because it is not what your doorbell recorded: ${spans}. The relay sent something else, or it was damaged.`,
  span: (from: string, to: string) => `${from} to ${to}`,
  jump: { ring: 'Go to the ring', motion: 'Go to the movement' },
  recorded: (from: string, to: string) => `Recorded from ${from} to ${to}.`,
  clock: {
    ntp: (within: string) => `The doorbell had its time from the internet; it is right to within ${within}.`,
    rtc: (within: string) => `The doorbell had its time from its own battery clock; it is right to within ${within}.`,
    none: (within: string) => `The doorbell had not set its clock yet; the time may be wrong by up to ${within}.`,
    unknown: 'The doorbell did not know what time it was: this one may be far from the truth.',
    corrected: (by: string) => `Its clock was off by ${by}, which was found out later; the time above is corrected.`,
  },
  within: {
    ms: (ms: number) => `${ms} ms`,
    s: (s: number) => `${s} s`,
    minutes: (m: number) => `${m} minutes`,
    hours: (h: number) => `${h} hours`,
  },
  gap: {
    'camera-lost': (span: string) => `Nothing from ${span}: the camera was not there.`,
    'frames-dropped': (span: string) =>
      `Pictures are missing from ${span}: the camera or the doorbell could not keep up.`,
    'disk-full': (span: string) => `Nothing from ${span}: the doorbell’s disk was full.`,
    privacy: (span: string) => `Nothing from ${span}: the camera was switched off on purpose.`,
  },
  noGap: 'It is without a gap.',
  masks: (names: string) => `Parts of the picture were painted over before anything was recorded: ${names}.`,
  masked: 'Parts of the picture were painted over before anything was recorded.',
  zones: (names: string) => `Something moved in ${names}.`,
  save: 'Save as a file',
  saving: (done: number, of: number) => `${done} of ${of} pieces opened`,
  savingLabel: 'Opening the clip',
  saveFile: (name: string, size: string) => `Save ${name} (${size})`,
  saved: 'Exactly what the camera recorded. Whoever has the file can watch it: it is not sealed any more.',
  savedRuns: (count: number) => `It comes as ${count} files, because pieces between them are missing.`,
  savedMissing: (count: number) =>
    count === 1
      ? 'One piece is left out: the relay did not send what your doorbell recorded.'
      : `${count} pieces are left out: the relay did not send what your doorbell recorded.`,
  fingerprint: (hex: string) => `SHA-256 ${hex}`,
  megabytes: (mb: string) => `${mb} MB`,
  kept: 'Kept',
  endsUsual: (when: string, days: number) => `It will be deleted on ${when}, as every clip is after ${days} days.`,
  endsKept: (when: string, days: number) =>
    `It is kept until ${when}. Nothing stays longer than ${days} days: what you want for longer, save as a file.`,
  keep: (when: string) => `Keep until ${when}`,
  keepNot: 'Do not keep it longer',
  keeping: 'Telling the relay…',
  delete: 'Delete',
  deleteTitle: 'Delete this clip for good?',
  deleteWhy: 'It goes away for everybody in your household, and nobody can bring it back.',
  deleteShared:
    'If you shared it, the copy that was handed out stays with whoever has it. What was not fetched yet is not handed out any more.',
  deleteYes: 'Delete for good',
  deleteNo: 'Keep it',
  deleting: 'Deleting…',
  deleted: (when: string) => (when === '' ? 'The clip was deleted.' : `The clip of ${when} was deleted.`),
}
