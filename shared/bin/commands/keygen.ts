import { randomBytes } from '../../src/crypto/hash.ts'
import { encodeIdentityFile } from '../../src/crypto/key-file.ts'
import { generateIdentity, type Identity, urnOf } from '../../src/crypto/keys.ts'
import { encodeSkey, encodeVkey, NOTE_COSIGNATURE, parseSkey } from '../../src/tlog/note-key.ts'
import { keyset } from '../../src/wire/keyset.ts'
import { type Command, PASSED, type World } from '../command.ts'
import { createDeviceFolder } from '../device-folder.ts'
import { createOutputFolder, jsonText } from '../disk-files.ts'
import { loadOwner, OWNER_FILES } from '../household-folder.ts'
import { generateSigningKey, type SigningKey } from '../key-files.ts'
import { AGENCY_FILES, OPERATOR_FILES, REQUESTER_FILES } from '../party-folders.ts'
import { parseAgencyUri } from '../value-syntax.ts'

const OUT = { value: 'DIR', required: true, help: 'new folder (mode 0700) for the keys' } as const
const day = (nowMs: number) => new Date(nowMs).toISOString().slice(0, 10)

function recoverySheet(root: SigningKey, recovery: Identity, nowMs: number): string {
  const household = urnOf(root.signer.jwk)
  return [
    'LATCHKEY RECOVERY SHEET: print it, keep it where you keep your passport, delete the file.',
    '',
    `Made on ${day(nowMs)} for the household`,
    household,
    '',
    'Recovery key. Opens every clip of this household with the ordinary age program:',
    '  age -d -i recovery.key 00001-media.m4s.age > 00001-media.m4s',
    `  ${encodeIdentityFile(recovery, 'Latchkey recovery key').trim().split('\n').at(-1)}`,
    '',
    'Root key. Signs a new list of phones when all of them are lost; save it as root.jwk:',
    ...root.file
      .trim()
      .split('\n')
      .map((line) => `  ${line}`),
    '',
    'Whoever holds this sheet can open your recordings. Nobody else can replace it: not us, not the relay.',
    '',
  ].join('\n')
}

async function generateOwner(out: string, { nowMs, terminal }: World): Promise<void> {
  const [root, member] = [generateSigningKey(), generateSigningKey()]
  const [memberIdentity, recovery] = [generateIdentity(), generateIdentity()]
  const now = nowMs()
  const signed = await keyset.encode(
    {
      iss: root.signer.urn,
      iat: Math.floor(now / 1000),
      latchkey: {
        v: 1,
        version: 1,
        previous: null,
        effectiveMs: now,
        members: [{ signingKey: member.signer.jwk, recipient: memberIdentity.recipient, role: 'owner' }],
        recovery: recovery.recipient,
        quorum: 1,
      },
    },
    root.signer,
  )
  await using folder = await createOutputFolder(out)
  await folder.write(OWNER_FILES.root, root.file)
  await folder.write(OWNER_FILES.rootPublic, jsonText(root.signer.jwk))
  await folder.write(OWNER_FILES.member, member.file)
  await folder.write(OWNER_FILES.memberIdentity, encodeIdentityFile(memberIdentity, 'Latchkey member key'))
  await folder.write(OWNER_FILES.recovery, encodeIdentityFile(recovery, 'Latchkey recovery key'))
  await folder.write(OWNER_FILES.keyset, signed)
  await folder.write(OWNER_FILES.sheet, recoverySheet(root, recovery, now))
  await folder.finish()
  terminal.print(
    `household ${root.signer.urn}\nprint ${out}/${OWNER_FILES.sheet}, then move it and ${OWNER_FILES.root} away`,
  )
}

async function generateRequester(out: string, { terminal }: World): Promise<void> {
  const key = generateSigningKey()
  const identity = generateIdentity()
  await using folder = await createOutputFolder(out)
  await folder.write(REQUESTER_FILES.key, key.file)
  await folder.write(REQUESTER_FILES.identity, encodeIdentityFile(identity, 'Latchkey requester key'))
  await folder.write(REQUESTER_FILES.enrolment, jsonText({ jwk: key.signer.jwk, recipient: identity.recipient }))
  await folder.finish()
  terminal.print(`requester ${key.signer.urn}\nlet your agency certify ${out}/${REQUESTER_FILES.enrolment}`)
}

async function generateAgency(out: string, uri: string, { terminal }: World): Promise<void> {
  const key = generateSigningKey()
  await using folder = await createOutputFolder(out)
  await folder.write(AGENCY_FILES.key, key.file)
  await folder.write(AGENCY_FILES.publicKey, jsonText(key.signer.jwk))
  await folder.write(AGENCY_FILES.uri, `${uri}\n`)
  await folder.finish()
  terminal.print(`agency ${uri} ${key.signer.thumbprint}`)
}

/** `latchkey keygen operator` */
export const keygenOperator: Command = {
  name: 'keygen operator',
  summary: 'Makes the key that enrols agencies and writes the register of a relay.',
  operands: [],
  options: { out: OUT },
  run: async (given, { terminal }) => {
    const { signer, file } = generateSigningKey()
    await using folder = await createOutputFolder(given.text('out'))
    await folder.write(OPERATOR_FILES.key, file)
    await folder.write(OPERATOR_FILES.publicKey, jsonText(signer.jwk))
    await folder.finish()
    terminal.print(
      `operator ${signer.thumbprint}\nput what ${given.text('out')}/${OPERATOR_FILES.publicKey} holds into the relay's configuration as operatorJwk`,
    )
    return PASSED
  },
}

/** Files of `keygen witness`. */
const WITNESS_FILES = { key: 'witness.key', vkey: 'witness.vkey' } as const

/** `latchkey keygen witness` */
export const keygenWitness: Command = {
  name: 'keygen witness',
  summary: 'Makes the key with which a witness cosigns the checkpoints of logs that it follows.',
  operands: [],
  options: {
    name: {
      value: 'NAME',
      required: true,
      help: 'what it is called, such as witness.example/1: yours alone, for good',
    },
    out: OUT,
  },
  run: async (given, { terminal }) => {
    const skey = encodeSkey(given.text('name'), randomBytes(32), NOTE_COSIGNATURE)
    const vkey = encodeVkey(parseSkey(skey).key)
    await using folder = await createOutputFolder(given.text('out'))
    await folder.write(WITNESS_FILES.key, `${skey}\n`)
    await folder.write(WITNESS_FILES.vkey, `${vkey}\n`)
    await folder.finish()
    terminal.print(`witness ${vkey}\ngive this line to relays that you follow and to everybody who is to believe you`)
    return PASSED
  },
}

/** `latchkey keygen owner` */
export const keygenOwner: Command = {
  name: 'keygen owner',
  summary: 'Makes a household: root, member and recovery keys, the first keyset and the sheet to print.',
  operands: [],
  options: { out: OUT },
  run: async (given, world) => (await generateOwner(given.text('out'), world), PASSED),
}

/** `latchkey keygen device` */
export const keygenDevice: Command = {
  name: 'keygen device',
  summary: 'Makes the key of a device that seals files, certified by an owner.',
  operands: [],
  options: { owner: { value: 'DIR', required: true, help: 'folder made by keygen owner' }, out: OUT },
  run: async (given, { nowMs }) => {
    await createDeviceFolder(given.text('out'), await loadOwner(given.text('owner')), nowMs())
    return PASSED
  },
}

/** `latchkey keygen requester` */
export const keygenRequester: Command = {
  name: 'keygen requester',
  summary: 'Makes an investigator’s signing key and the age key that released items are sealed to.',
  operands: [],
  options: { out: OUT },
  run: async (given, world) => (await generateRequester(given.text('out'), world), PASSED),
}

/** `latchkey keygen agency` */
export const keygenAgency: Command = {
  name: 'keygen agency',
  summary: 'Makes the key with which an agency certifies its investigators.',
  operands: [],
  options: {
    uri: { value: 'URI', required: true, help: 'the agency’s address, such as https://police.example' },
    out: OUT,
  },
  run: async (given, world) => {
    await generateAgency(given.text('out'), parseAgencyUri(given.text('uri')), world)
    return PASSED
  },
}
