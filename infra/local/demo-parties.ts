/** The people of the demo. Their keys are made by the project's own command line and lie in folders it reads again. */
import { existsSync } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Identity, Signer } from '@latchkey/shared'
import { loadOwner, OWNER_FILES, type Owner } from '../../shared/bin/household-folder.ts'
import { loadIdentity, loadSigner } from '../../shared/bin/key-files.ts'
import {
  AGENCY_FILES,
  loadAgency,
  loadRequester,
  REQUESTER_FILES,
  type Requester,
} from '../../shared/bin/party-folders.ts'
import { latchkey } from './latchkey-command.ts'

/** The demo's agency: a name that no real agency has (RFC 2606). */
export const DEMO_AGENCY = {
  uri: 'https://police.example',
  name: 'Example City Police (demo)',
  kind: 'police',
} as const

/** Everybody, with their secrets: on one disk in the demo only. */
export interface DemoParties {
  readonly folders: {
    readonly owner: string
    readonly agency: string
    readonly requester: string
    readonly operator: string
  }
  readonly owner: Owner & { readonly root: Owner['root']; readonly rootSigner: Signer }
  readonly agency: Signer
  readonly requester: Requester & { readonly identity: Identity }
  readonly operator: Signer
  /** Files that the stock `age` program reads with `-i`. */
  readonly keyFiles: { readonly recovery: string; readonly requester: string }
}

function makeParties(folders: DemoParties['folders']): void {
  latchkey('keygen', 'owner', '--out', folders.owner)
  latchkey('keygen', 'agency', '--uri', DEMO_AGENCY.uri, '--out', folders.agency)
  latchkey('keygen', 'agency', '--uri', 'https://operator.example', '--out', folders.operator)
  latchkey('keygen', 'requester', '--out', folders.requester)
  const certificate = join(folders.requester, REQUESTER_FILES.certificate)
  const enrolment = join(folders.requester, REQUESTER_FILES.enrolment)
  latchkey(
    'certify',
    enrolment,
    '--agency',
    folders.agency,
    '--name',
    'A. Example',
    '--role',
    'Detective (demo)',
    '--out',
    certificate,
  )
}

/** The demo's people, made on first use. @param folder where their key folders lie */
export async function loadDemoParties(folder: string): Promise<DemoParties> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  const at = (name: string) => join(folder, name)
  const folders = { owner: at('owner'), agency: at('agency'), requester: at('requester'), operator: at('operator') }
  if (!existsSync(join(folders.requester, REQUESTER_FILES.certificate))) makeParties(folders)
  const owner = await loadOwner(folders.owner)
  const keyFiles = {
    recovery: join(folders.owner, OWNER_FILES.recovery),
    requester: join(folders.requester, REQUESTER_FILES.identity),
  }
  return {
    folders,
    owner: { ...owner, rootSigner: await loadSigner(join(folders.owner, OWNER_FILES.root)) },
    agency: (await loadAgency(folders.agency)).signer,
    requester: { ...(await loadRequester(folders.requester)), identity: await loadIdentity(keyFiles.requester) },
    operator: await loadSigner(join(folders.operator, AGENCY_FILES.key)),
    keyFiles,
  }
}
