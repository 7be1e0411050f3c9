import { en, type Words } from './en.ts'

const LANGUAGES: readonly Words[] = [en]

/** The first of the browser's languages that the app speaks. */
function chooseWords(wanted: readonly string[]): Words {
  for (const tag of wanted) {
    const found = LANGUAGES.find(({ language }) => tag.toLowerCase().split('-')[0] === language)
    if (found) return found
  }
  return en
}

/** The app's words, chosen once. */
export const words: Words = chooseWords(navigator.languages)
