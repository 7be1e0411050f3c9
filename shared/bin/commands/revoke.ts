import { createRelayClient } from '../../client/relay-client.ts'
import { encodeBase64url } from '../../src/bytes/base64url.ts'
import { randomBytes } from '../../src/crypto/hash.ts'
import { LatchkeyError } from '../../src/errors.ts'
import { revocation } from '../../src/wire/consent.ts'
import { Accepted } from '../../src/wire/http.ts'
import { createValidator } from '../../src/wire/schema.ts'
import { type Command, PASSED } from '../command.ts'
import { loadSubmission } from '../consent-file.ts'
import { jsonText, writeNewFile } from '../disk-files.ts'
import { loadOwner } from '../household-folder.ts'

const accepted = createValidator(Accepted)

/** `latchkey revoke` */
export const revoke: Command = {
  name: 'revoke',
  summary: 'Takes a consent back: before a download it stops it, after one it is a notice on record.',
  operands: [],
  options: {
    consent: { value: 'F', required: true, help: 'file that latchkey consent wrote' },
    owner: { value: 'DIR', required: true, help: 'folder made by keygen owner; any member may revoke' },
    out: { value: 'F', required: true, help: 'new file for the revocation' },
    submit: { help: 'send it to the relay of the consent too' },
  },
  run: async (given, { nowMs, terminal }) => {
    const owner = await loadOwner(given.text('owner'))
    const { signed } = await loadSubmission(given.text('consent'))
    if (signed.payload.iss !== owner.keyset.payload.iss)
      throw new LatchkeyError('REVOCATION_INVALID', 'the consent is of another household')
    const raw = await revocation.encode(
      {
        iss: owner.keyset.payload.iss,
        jti: encodeBase64url(randomBytes(16)),
        iat: Math.floor(nowMs() / 1000),
        latchkey: { v: 1, revokes: signed.digest, keyset: owner.keyset.digest },
      },
      owner.signer,
    )
    const json = { revocation: raw, salt: encodeBase64url(randomBytes(32)) }
    await writeNewFile(given.text('out'), jsonText(json))
    terminal.print(`revokes ${signed.digest}`)
    if (given.flag('submit')) {
      const client = createRelayClient({ origin: signed.payload.aud[0], signer: owner.signer, nowMs })
      await client.json('POST', '/v1/revocations', accepted, { json })
      terminal.print('the relay has stopped it')
    }
    return PASSED
  },
}
