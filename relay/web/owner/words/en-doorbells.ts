/** English words about the household's doorbells. */
export const doorbells = {
  online: 'Online',
  unheard: 'Not heard yet',
  stopped: (since: string) => `Switched off since ${since}.`,
  offline: (since: string) => `Not to be reached since ${since}.`,
  heard: (when: string) => `Last heard ${when}.`,
  camera: {
    starting: 'Its camera is starting.',
    on: 'Its camera is watching.',
    'camera-lost': 'Its camera is lost: nothing is recorded. Look at its cable.',
    privacy: 'Its camera is switched off on purpose.',
    stopped: 'Its camera is stopped.',
  },
  storage: {
    ok: (free: string) => `${free} are free on its disk.`,
    full: 'Its disk is full: clips are being given up. Check its connection, so that it can hand over what it holds.',
    'read-only': 'Its disk takes nothing any more: nothing is recorded. The card may be worn out.',
    missing: 'Its disk is not where it was: nothing is recorded.',
    failing: 'Its disk is failing: nothing is recorded. Replace the card.',
  },
  waiting: (items: number, size: string) =>
    `${items === 1 ? 'One piece waits' : `${items} pieces wait`} on it to be handed over (${size}).`,
  dropped: (count: number) =>
    count === 1
      ? 'It had to give one clip up for want of space.'
      : `It had to give ${count} clips up for want of space.`,
  megabytes: (count: number) => `${count} MB`,
  gigabytes: (count: string) => `${count} GB`,
  noClips: 'No signed clip of it is listed.',
  clips: (count: number) =>
    count === 1 ? 'One signed clip of it is listed.' : `${count} signed clips of it are listed.`,
  unbroken: 'They follow each other without a hole.',
  missing: (count: number) =>
    `${count === 1 ? 'One clip is' : `${count} clips are`} missing between them: deleted by your household, out of time, given up for want of room, or hidden by the relay.`,
  gaps: (count: number) =>
    count === 1
      ? 'One of them says of itself that it has a gap.'
      : `${count} of them say of themselves that they have gaps.`,
  untold: 'The relay says nothing about it now.',
  stale: 'The relay does not tell what happens now. This is the last that it said.',
  whose:
    'Whether a doorbell is online and how its disk is, the relay passes on; it could be lying. Clips it cannot make up: they are signed.',
  days: {
    title: 'What it watched',
    none: 'It has signed nothing yet about what it watched. It does so once a day.',
    line: (day: string, parts: string) => `${day}: ${parts}.`,
    until: (day: string, time: string) => `${day}, until ${time}`,
    always: 'watched all the time',
    part: {
      on: (span: string) => `watched for ${span}`,
      privacy: (span: string) => `switched off on purpose for ${span}`,
      'camera-lost': (span: string) => `without its camera for ${span}`,
      stopped: (span: string) => `not running for ${span}`,
      unknown: (span: string) => `nothing is known of ${span}`,
    },
    moment: 'less than a minute',
    hours: (count: number) => (count === 1 ? '1 hour' : `${count} hours`),
    minutes: (count: number) => (count === 1 ? '1 minute' : `${count} minutes`),
    why: 'The doorbell signs this itself, once a day and whenever it starts or stops. The relay cannot make it up; it can keep it back, and then nothing is known.',
    refused: (count: number) =>
      count === 1
        ? 'The relay sent one account of what was watched that no doorbell of yours signed. It is not shown.'
        : `The relay sent ${count} accounts of what was watched that no doorbell of yours signed. They are not shown.`,
  },
  paired: (when: string) => `An owner of your household vouched for it on ${when}.`,
  log: {
    included: 'That stands in the public log.',
    waiting: 'That is on its way into the public log.',
    overdue: 'That should be in the public log by now and is not. The relay may be hiding it.',
    contradicted: 'The public log holds something else where the relay says that this stands. Do not trust this relay.',
  },
  revoke: 'Stop trusting it',
  revokeTitle: 'Stop trusting this doorbell?',
  revokeWhy:
    'Do this when it was stolen, sold or exchanged. The relay takes nothing more from it, and every phone of your household refuses what it signs from now on. What it signed before stays good. To use it again, pair it anew.',
  revokeYes: 'Stop trusting it for good',
  revokeNo: 'Go on trusting it',
  revoked: (when: string) => `Not trusted any more since ${when}. What it signed before stays good.`,
}
