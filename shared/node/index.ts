/** The door for Node programs: what needs the platform. */
export { primitives } from './node-primitives.ts'
