import {
  createNoteSigner,
  createSigner,
  encodeLeaf,
  encodeTlogProof,
  encodeVkey,
  hashLeaf,
  inclusionProof,
  type Leaf,
  type NoteSigner,
  rootOfLeaves,
  signCheckpoint,
  type TreeHash,
} from '@latchkey/shared'

/** A transparency log in memory: real hashes, checkpoints and proofs, no storage. */
export interface MemoryLog {
  readonly origin: string
  /** For a trust file. */
  readonly vkey: string
  readonly signer: NoteSigner
  readonly size: number
  /** Appends a leaf; answers with its index. */
  append(leaf: Leaf): number
  /** Signed checkpoint of the tree as it stands. */
  checkpoint(): Promise<Uint8Array>
  /** tlog-proof file of a leaf under the tree as it stands. */
  prove(index: number): Promise<Uint8Array>
}

/** An empty log whose key comes from `seed`. */
export function createMemoryLog(seed: Uint8Array, origin = 'relay.example/log'): MemoryLog {
  const signer = createNoteSigner(origin, createSigner(seed))
  const hashes: TreeHash[] = []
  const checkpoint = () => signCheckpoint({ origin, size: hashes.length, root: rootOfLeaves(hashes) }, signer)
  return {
    origin,
    vkey: encodeVkey(signer.key),
    signer,
    get size() {
      return hashes.length
    },
    append: (leaf) => hashes.push(hashLeaf(encodeLeaf(leaf))) - 1,
    checkpoint,
    prove: async (index) =>
      encodeTlogProof({ index, hashes: inclusionProof(hashes, index), extra: null, checkpoint: await checkpoint() }),
  }
}
