import { digestOfJson } from '../crypto/hash.ts'
import { LatchkeyError } from '../errors.ts'
import { type Policy, policy as policyValidator } from '../wire/policy.ts'
import { parseWith } from '../wire/schema.ts'
import { auditFinding, type AuditFinding } from './audit-finding.ts'

/** The rules that the leaf at `index` names, as anyone gets them, and what is wrong with what is shown. */
export async function readPolicy(
  documents: { policy(digest: string): Promise<unknown> },
  { index, digest }: { index: number; digest: string },
): Promise<{ policy: Policy | null; findings: AuditFinding[] }> {
  const value = await documents.policy(digest)
  if (value === null)
    return {
      policy: null,
      findings: [auditFinding('DOCUMENT_MISSING', index, `the policy of entry ${index} is not shown`)],
    }
  try {
    if (digestOfJson(value) !== digest)
      throw new LatchkeyError('MESSAGE_INVALID', 'it has another digest than the entry names')
    return { policy: parseWith(policyValidator, value, 'policy'), findings: [] }
  } catch (error) {
    if (!(error instanceof LatchkeyError)) throw error
    const message = `what is shown for entry ${index} is not the policy that it names: ${error.message}`
    const evidence = { shown: JSON.stringify(value) }
    return { policy: null, findings: [auditFinding('DOCUMENT_WRONG', index, message, { evidence })] }
  }
}
