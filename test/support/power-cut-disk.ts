import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { type Disk, type DiskFile, plainDisk } from '../../device-agent/src/kernel/disk.ts'

/** One change to the file system, as it was asked for. Paths are relative to the recorded folder. */
type Change =
  | { readonly kind: 'create'; readonly path: string; readonly node: number }
  | { readonly kind: 'directory'; readonly path: string }
  | { readonly kind: 'rename'; readonly from: string; readonly to: string }
  | { readonly kind: 'remove'; readonly path: string }
  | { readonly kind: 'write'; readonly node: number; readonly bytes: Uint8Array; readonly position: number }
  | { readonly kind: 'truncate'; readonly node: number; readonly sizeBytes: number }
  | { readonly kind: 'sync'; readonly node: number }
  | { readonly kind: 'syncDirectory'; readonly path: string }

/**
 * What the cut leaves of what was not synced: nothing, all of it, the names without the bytes behind them, the last name
 * alone (names reach the disk in any order), or half of the last write.
 */
export const REMAINS = ['synced', 'all', 'names', 'last-name', 'torn'] as const
export type Remains = (typeof REMAINS)[number]

/** A disk that remembers every change, and can show what a power cut after any of them would have left. */
export interface PowerCutDisk extends Disk {
  /** Changes so far. */
  readonly length: number
  /** Writes into `folder` what is left of the first `count` changes. */
  materialise(count: number, remains: Remains, folder: string): Promise<void>
}

interface Node {
  bytes: Buffer
}

function writeInto(node: Node, bytes: Uint8Array, position: number): void {
  const sizeBytes = Math.max(node.bytes.length, position + bytes.length)
  node.bytes = Buffer.concat([node.bytes, Buffer.alloc(sizeBytes - node.bytes.length)])
  node.bytes.set(bytes, position)
}

/** `null` is a directory. */
type Names = Map<string, number | null>
type NameChange = Extract<Change, { kind: 'create' | 'directory' | 'rename' | 'remove' }>

const isBelow = (path: string, directory: string): boolean => path === directory || path.startsWith(`${directory}/`)

function applyName(names: Names, change: NameChange): void {
  if (change.kind === 'create') names.set(change.path, change.node)
  if (change.kind === 'directory') names.set(change.path, null)
  if (change.kind === 'remove') for (const path of [...names.keys()]) if (isBelow(path, change.path)) names.delete(path)
  if (change.kind !== 'rename') return
  for (const [path, node] of [...names]) {
    if (!isBelow(path, change.from)) continue
    names.delete(path)
    names.set(change.to + path.slice(change.from.length), node)
  }
}

const directoryOf = (change: NameChange): string => dirname(change.kind === 'rename' ? change.to : change.path)

/** The file system after `changes`, with what was not synced dropped or kept as `remains` says. */
function cut(changes: readonly Change[], remains: Remains): { names: Names; nodes: Map<number, Node> } {
  const [names, nodes]: [Names, Map<number, Node>] = [new Map(), new Map()]
  let unsynced: NameChange[] = []
  let waiting: Extract<Change, { kind: 'write' | 'truncate' }>[] = []
  const nodeOf = (id: number): Node => nodes.get(id) ?? nodes.set(id, { bytes: Buffer.alloc(0) }).get(id)!
  function applyBytes(change: (typeof waiting)[number], share = 1): void {
    const node = nodeOf(change.node)
    if (change.kind === 'truncate') node.bytes = node.bytes.subarray(0, change.sizeBytes)
    else writeInto(node, change.bytes.subarray(0, Math.ceil(change.bytes.length * share)), change.position)
  }
  for (const change of changes) {
    if (change.kind === 'write' || change.kind === 'truncate') waiting.push(change)
    else if (change.kind === 'sync') {
      for (const one of waiting) if (one.node === change.node) applyBytes(one)
      waiting = waiting.filter((one) => one.node !== change.node)
    } else if (change.kind === 'syncDirectory') {
      // What stands before a name that is made durable, in another directory, need not be.
      for (const one of unsynced) if (directoryOf(one) === change.path) applyName(names, one)
      unsynced = unsynced.filter((one) => directoryOf(one) !== change.path)
    } else unsynced.push(change)
  }
  if (remains === 'all' || remains === 'names' || remains === 'torn') for (const one of unsynced) applyName(names, one)
  if (remains === 'last-name' && unsynced.length > 0) applyName(names, unsynced.at(-1)!)
  if (remains === 'all' || remains === 'torn')
    for (const [i, one] of waiting.entries()) applyBytes(one, remains === 'torn' && i === waiting.length - 1 ? 0.5 : 1)
  return { names, nodes }
}

/**
 * Records what happens below `root`, which is really written too.
 * @param options.syncs false: a file is never made durable, whatever its writer asked for
 */
export function createPowerCutDisk(root: string, { syncs = true } = {}): PowerCutDisk {
  const changes: Change[] = []
  const nodesByPath = new Map<string, number>()
  let nextNode = 0
  const at = (path: string): string => relative(root, path)

  function watch(file: DiskFile, node: number): DiskFile {
    return {
      async write(bytes, position) {
        changes.push({ kind: 'write', node, bytes: Uint8Array.from(bytes), position })
        await file.write(bytes, position)
      },
      async truncate(sizeBytes) {
        changes.push({ kind: 'truncate', node, sizeBytes })
        await file.truncate(sizeBytes)
      },
      async sync() {
        await file.sync()
        if (syncs) changes.push({ kind: 'sync', node })
      },
      close: () => file.close(),
    }
  }

  return {
    get length() {
      return changes.length
    },
    async create(path, mode) {
      const node = nextNode++
      nodesByPath.set(at(path), node)
      changes.push({ kind: 'create', path: at(path), node })
      return watch(await plainDisk.create(path, mode), node)
    },
    edit: async (path) => watch(await plainDisk.edit(path), nodesByPath.get(at(path))!),
    async createDirectory(path) {
      changes.push({ kind: 'directory', path: at(path) })
      await plainDisk.createDirectory(path)
    },
    async rename(from, to) {
      changes.push({ kind: 'rename', from: at(from), to: at(to) })
      const node = nodesByPath.get(at(from))
      if (node !== undefined) nodesByPath.set(at(to), node)
      await plainDisk.rename(from, to)
    },
    link: () => Promise.reject(new Error('nothing that is recorded links')),
    async remove(path) {
      changes.push({ kind: 'remove', path: at(path) })
      await plainDisk.remove(path)
    },
    async syncDirectory(path) {
      await plainDisk.syncDirectory(path)
      changes.push({ kind: 'syncDirectory', path: at(path) || '.' })
    },
    async materialise(count, remains, folder) {
      const { names, nodes } = cut(changes.slice(0, count), remains)
      const paths = [...names.keys()].sort()
      for (const path of paths) {
        // A name in a directory that never reached the disk is not there either.
        if (dirname(path) !== '.' && dirname(path) !== 'spool' && !names.has(dirname(path))) continue
        const node = names.get(path)
        if (node === null) await mkdir(join(folder, path), { recursive: true })
        else await writeFile(join(folder, path), nodes.get(node!)?.bytes ?? Buffer.alloc(0))
      }
    },
  }
}
