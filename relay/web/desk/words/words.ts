import { en } from './en.ts'

/** The desk's words. Another language is another object of this shape, chosen here. */
export const words = en
