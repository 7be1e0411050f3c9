import type { TellHousehold } from '../flow.ts'
import type { FollowLeaves } from '../kernel/leaf-settler.ts'

/** Members hear of these a second time, or at all, when the log holds them: from then on they count. */
export function createLoggedFacts(tell: TellHousehold): FollowLeaves {
  return {
    keysets: async (tx, { leaf, index }) => {
      const [row] = await tx.query<{ root: string; digest: string }>(
        'SELECT root, digest FROM keysets WHERE leaf = $1',
        [leaf],
      )
      if (row) await tell(tx, row.root, { type: 'keyset', keyset: row.digest, index })
    },
    consents: async (tx, { leaf, index }) => {
      const [row] = await tx.query<{ root: string; digest: string }>(
        'SELECT root, digest FROM consents WHERE leaf = $1',
        [leaf],
      )
      if (row) await tell(tx, row.root, { type: 'consent', consent: row.digest, index })
    },
    approvals: async (tx, { leaf, index }) => {
      const [row] = await tx.query<{ root: string; digest: string; subject: string }>(
        'SELECT root, digest, subject FROM approvals WHERE leaf = $1',
        [leaf],
      )
      if (row) await tell(tx, row.root, { type: 'approval', approval: row.digest, approves: row.subject, index })
    },
  }
}
