import { fileURLToPath } from 'node:url'
import { digestOfJson } from '../src/crypto/hash.ts'
import { type Policy, policy } from '../src/wire/policy.ts'
import { parseWith } from '../src/wire/schema.ts'
import type { Option } from './arguments.ts'
import { readJsonFile } from './disk-files.ts'
import { inFile } from './failure.ts'

const DEFAULT_POLICY = fileURLToPath(new URL('../policy/us.json', import.meta.url))

/** The option that every command with a policy takes. */
export const POLICY_OPTION: Option = { value: 'F', help: 'policy file (default: shared/policy/us.json)' }

/** A policy and the digest that requests name it by. */
export interface LoadedPolicy {
  readonly policy: Policy
  readonly digest: string
}

/** @param path the default policy when left out. @throws MESSAGE_INVALID, and as `readJsonFile` */
export async function loadPolicy(path = DEFAULT_POLICY): Promise<LoadedPolicy> {
  const value = await readJsonFile(path)
  return inFile(path, () => ({ policy: parseWith(policy, value, 'policy'), digest: digestOfJson(value) }))
}
