import { ask } from './en-ask.ts'
import { evidence } from './en-evidence.ts'
import { report } from './en-report.ts'
import { sharedOn } from './en-shared-on.ts'
import { who } from './en-who.ts'

/** Every English word of the desk. */
export const en = {
  language: 'en',
  brand: 'Latchkey desk',
  tabs: { ask: 'Ask', requests: 'Requests', received: 'Received', you: 'You' },
  tabsLabel: 'Main',
  back: 'Back',
  loading: 'Looking…',
  failed: 'Something went wrong',
  code: (code: string) => `(${code})`,
  failures: {
    UNAVAILABLE: 'The relay does not answer. Check the connection and try again.',
    CALLER_REFUSED: 'The relay does not know this key: it answers an investigator after the first accepted request.',
    KEY_INVALID: 'This is not a key file of the kind that is needed here.',
    AGE_NO_MATCH: 'This was given to another key than the one in this browser.',
    CONSENT_REQUIRED: 'No consent allows this.',
    CONSENT_REVOKED: 'The owner took the consent back. What was not downloaded cannot be downloaded any more.',
    CONSENT_EXPIRED: 'The time in which this could be downloaded is over.',
    CONSENT_USED: 'All downloads that the owner allowed are taken.',
    KEYSET_SUPERSEDED:
      'The household’s keys changed before the consent stood in the log. Only the owner can give it again.',
    AGENCY_SUSPENDED: 'Your agency may not ask or receive at this relay now.',
    AGENCY_UNKNOWN: 'Your agency is not enrolled at this relay.',
    AGENCY_NOTICE: 'The public notice period of your agency, or of its new key, is not over yet.',
    INVESTIGATOR_INVALID: 'Your certificate is not, or no longer, one that your agency’s keys at this relay vouch for.',
    TRUST_INVALID: 'This is not a trust file.',
    CHECKPOINT_INVALID:
      'The relay shows another log than before, or one that its key did not sign. Do not rely on this relay.',
    LOG_PROOF_INVALID: 'The relay’s log contradicts itself. Do not rely on this relay.',
    POLICY_UNKNOWN:
      'The rules that the relay tells are not those of its public log, it hides newer ones, or they name other texts to ask with than this page has. Do not rely on this relay.',
    CONFLICT: 'Something else was said about this before, and stands.',
    OUTCOME_INVALID: 'The relay does not take this report.',
    RECEIPT_INVALID: 'The relay does not take this receipt.',
    SHARED_ON_INVALID:
      'The relay does not take this entry: it is of a time before the release or in the future, or there are too many.',
  } as Readonly<Record<string, string>>,
  ...who,
  ...ask,
  ...evidence,
  ...report,
  ...sharedOn,
}
