/** The words about the app itself. */
export const version = {
  title: 'What you trust when you open this page',
  digest: (files: number) => `This app, as it says of itself: ${files} files, together`,
  published: (index: number, hour: string) =>
    `It is recorded in the public log as entry ${index}, in the hour from ${hour}, where everybody can look it up.`,
  older: 'A newer one was published since. It comes when you close and open Latchkey.',
  unpublished:
    'It is not in the public log of your relay. Whoever serves it may be trying something out, or gives you another app than others. Do not decide anything in it before you know which.',
  contradicted:
    'The relay names an entry of the public log that says something else. Do not decide anything in this app before you know why.',
  trust:
    'A page is as honest as the server that sends it, at the first visit and at every later one; the lines above came with it too. This app holds keys that no page can copy out, but a dishonest page could use them while it is open. The program “latchkey consent” does the same work and trusts no web server.',
  check:
    'A program that fetches every file like a browser and compares it with the log looks from outside, from any computer:',
}
