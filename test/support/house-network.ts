import { spawnSync } from 'node:child_process'

/** A network of two machines, and nothing else: neither reaches this machine's own networks. */
export interface HouseNetwork extends AsyncDisposable {
  /** Where the doorbell stands, and its addresses there: as with a cable and Wi-Fi, it has two. */
  readonly doorbell: { readonly name: string; readonly address: string; readonly other: string }
  /** Where its owner sits. `strange`: an address of theirs that is none of a home. */
  readonly owner: { readonly name: string; readonly address: string; readonly strange: string }
}

function ip(...args: readonly string[]): void {
  const { status, stderr, error } = spawnSync('ip', args, { encoding: 'utf8' })
  if (status !== 0)
    throw new Error(`a network for this test needs root: ip ${args.join(' ')}: ${error?.message ?? stderr.trim()}`)
}

/** How a program is started on one of its machines. */
export const onMachine = (name: string): readonly string[] => ['ip', 'netns', 'exec', name]

/** Makes one of network namespaces and a cable between them; gone at the end of the scope. */
export function createHouseNetwork(): HouseNetwork {
  const [door, owner] = [`latchkey-door-${process.pid}`, `latchkey-owner-${process.pid}`]
  const [address, ownAddress, strange] = ['192.168.77.1', '192.168.77.2', '203.0.113.7']
  const [other, ownOther] = ['10.77.0.1', '10.77.0.2']
  const stack = new DisposableStack()
  for (const name of [door, owner]) {
    ip('netns', 'add', name)
    stack.defer(() => ip('netns', 'del', name))
  }
  ip('-n', door, 'link', 'add', 'eth0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', owner)
  const addresses = [
    [door, address],
    [door, other],
    [owner, ownAddress],
    [owner, ownOther],
    [owner, strange],
  ] as const
  for (const [name, of] of addresses) ip('-n', name, 'addr', 'add', `${of}/24`, 'dev', 'eth0')
  for (const name of [door, owner]) for (const device of ['lo', 'eth0']) ip('-n', name, 'link', 'set', device, 'up')
  // So that an answer to the strange address finds its way.
  ip('-n', door, 'route', 'add', `${strange}/32`, 'dev', 'eth0')
  return {
    doorbell: { name: door, address, other },
    owner: { name: owner, address: ownAddress, strange },
    [Symbol.asyncDispose]: async () => stack.dispose(),
  }
}
