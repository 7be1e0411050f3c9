const countOf = (count: number, one: string, many: string): string => (count === 1 ? one : `${count} ${many}`)

/** The words about being told while nobody looks. */
export const push = {
  title: 'When somebody rings',
  offer:
    'This phone can tell you when somebody rings, also while Latchkey is closed. Your browser will ask you whether it may.',
  who: 'Your doorbell encrypts the message to this phone. The relay and the push service of your browser see that there is one and when, and cannot read it.',
  start: 'Tell me when somebody rings',
  asking: 'Asking your browser…',
  on: 'This phone is told when somebody rings.',
  unheard: 'No doorbell knows of it yet. Open Latchkey again when your household has one.',
  what: 'Tell me of',
  wishes: ['rings', 'rings and movement at the door'] as readonly string[],
  quiet: {
    from: 'Without a sound from',
    never: 'never',
    to: 'Until',
    always: 'That is the whole day.',
    shown: 'It is shown all the same, on every phone of the household.',
  },
  hour: 'The daily look, for every phone of the household',
  daily:
    'Once a day, at this hour, this phone looks for new clips and questions and tells you in one line. It looks on every day, asked or not, so that nobody can tell from it whether you were asked. Questions never make it ring.',
  end: 'Do not tell me any more',
  absent:
    'This browser cannot be told anything while Latchkey is closed. On an iPhone it can once Latchkey is on the home screen: tap share, then “Add to Home Screen”, and open it from there.',
  denied:
    'Your browser was told not to show messages from Latchkey. If you want them after all, allow notifications for this page in the browser’s settings, then come back.',
  open: 'While Latchkey is open, what happens at the door appears here by itself, with or without this.',
  notice: {
    ring: 'Somebody rang',
    motion: 'Somebody moved',
    where: (door: string | null, time: string) => (door === null ? time : `${door}, ${time}`),
    unknown: 'Something happened at your door',
    unknownWhy: (code: string) => `The message could not be read (${code}). Open Latchkey to look.`,
  },
  today: {
    title: 'Your doorbell today',
    found: (clips: number, questions: number | null) =>
      [
        clips === 0 ? 'No clips' : countOf(clips, 'One clip', 'clips'),
        ...(questions === null
          ? []
          : [questions === 0 ? 'no questions' : countOf(questions, 'one question', 'questions')]),
      ].join(', '),
    unreachable: 'The relay does not answer. Open Latchkey to look.',
  },
}
