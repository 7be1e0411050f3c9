/** Stores items one after the other, telling each when it is acknowledged, until it is killed. */
import { digestOf } from '@latchkey/shared'
import { armFailpoint, noFailpoints } from '../../../relay/src/kernel/failpoint.ts'
import { createDiskItemStore } from '../../../relay/src/store/disk-item-store.ts'

const [root, rawFrom, failpoint] = process.argv.slice(2)
const failpoints = failpoint ? armFailpoint(failpoint, 'kill') : noFailpoints
const store = await createDiskItemStore({ root: root!, reserveBytes: 0, failpoints })
for (let n = Number(rawFrom); ; n++) {
  const body = new Uint8Array(20_000).fill(n % 256)
  await store.put(`clips/c${n % 3}/${n}`, body, { sha256B64u: digestOf(body), sizeBytes: body.length })
  if (n % 2 === 1) await store.delete(`clips/c${n % 3}/${n}`)
  process.stdout.write(`${n}\n`)
}
