import { RegisterAccepted, RegisterSubmission } from '../../src/wire/register.ts'
import { createValidator, parseWith } from '../../src/wire/schema.ts'
import { type Command, PASSED } from '../command.ts'
import { readJsonFile } from '../disk-files.ts'
import { inFile } from '../failure.ts'
import { OPERATOR_OPTIONS, operatorClient } from './agency.ts'

const submission = createValidator(RegisterSubmission)
const accepted = createValidator(RegisterAccepted)

/** `latchkey register` */
export const register: Command = {
  name: 'register',
  summary: 'The operator publishes a disclosure or a legal demand, or the next version of one.',
  operands: ['ENTRY'],
  options: OPERATOR_OPTIONS,
  notes: [
    'ENTRY is a JSON file as shared/spec/register.md says, without its version.',
    'The same id again is the next version; every version stays public for good.',
  ],
  run: async (given, { nowMs, terminal }) => {
    const path = given.operand(0)
    const value = await readJsonFile(path)
    const json = await inFile(path, () => parseWith(submission, value, 'entry'))
    const client = await operatorClient(given, nowMs)
    const { digest, index, version } = await client.json('POST', '/v1/register', accepted, { json })
    terminal.print(`${json.book} ${json.id}, version ${version}\nentry ${index} of the log, ${digest}`)
    return PASSED
  },
}
