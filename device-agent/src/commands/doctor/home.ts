import { LatchkeyError, randomBytes, toHex } from '@latchkey/shared'
import { createHomeSessionOpener } from '../../home/mqtt-home-session.ts'
import { brokerOf } from '../../home-broker.ts'
import { type Finding, findingsOf, type Patient } from './finding.ts'

const finding = findingsOf('home')

const FIXES: Readonly<Record<string, string>> = {
  CALLER_REFUSED: 'correct the first lines of the files in home.usernameFile and home.passwordFile',
  CONFIG_INVALID: 'give the agent that file: it must be readable for the user latchkey',
}

/** The household's own broker: reached, and our user taken. Says nothing there. */
export async function checkHome({ config, clock }: Patient): Promise<Finding> {
  const { home } = config
  if (home === undefined) return finding.skip('no home broker is configured')
  const open = createHomeSessionOpener({
    broker: brokerOf(home),
    // Not the agent's own: that would end its connection.
    clientId: `latchkey-doctor-${toHex(randomBytes(4))}`,
    subscriptions: [],
    clock,
  })
  try {
    await (await open(() => {})).end()
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    return finding.fail(
      error.message,
      FIXES[error.code] ?? `is the broker at ${home.broker} running? correct home.broker`,
    )
  }
  if (home.broker.startsWith('mqtts:')) return finding.pass(home.broker)
  return finding.warn(
    `${home.broker} is reached, but its password and who rings cross the network in the clear`,
    'give the broker a certificate, and home.broker an address with mqtts://',
  )
}
