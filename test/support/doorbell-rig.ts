import { execFileSync } from 'node:child_process'
import { chmod, open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

/** What a key event of a Linux input device holds. */
export interface InputEventFields {
  readonly stampMs: number
  /** Default EV_KEY. */
  readonly type?: number
  /** Default KEY_ENTER. */
  readonly code?: number
  readonly value: number
}

/** `struct input_event` of a 64-bit Linux, 24 bytes. */
export function inputEvent({ stampMs, type = 1, code = 28, value }: InputEventFields): Buffer {
  const bytes = Buffer.alloc(24)
  bytes.writeBigUInt64LE(BigInt(Math.floor(stampMs / 1000)), 0)
  bytes.writeBigUInt64LE(BigInt(Math.floor(stampMs % 1000) * 1000), 8)
  bytes.writeUInt16LE(type, 16)
  bytes.writeUInt16LE(code, 18)
  bytes.writeInt32LE(value, 20)
  return bytes
}

/** A named pipe: whoever reads it reads what `write` wrote. */
export interface NamedPipe extends AsyncDisposable {
  readonly path: string
  /** Resolves when a reader is there and has room. */
  write(bytes: string | Uint8Array): Promise<void>
  /** Closes the writing end: the reader's file ends. */
  close(): Promise<void>
}

/** Makes a named pipe; its writing end is opened by the first write. */
export function createNamedPipe(path: string): NamedPipe {
  execFileSync('mkfifo', [path])
  let handle: Awaited<ReturnType<typeof open>> | null = null
  const close = async (): Promise<void> => {
    await handle?.close()
    handle = null
  }
  return {
    path,
    async write(bytes) {
      handle ??= await open(path, 'w')
      await handle.write(typeof bytes === 'string' ? Buffer.from(bytes) : bytes)
    },
    close,
    [Symbol.asyncDispose]: close,
  }
}

/**
 * A `gpiomon` of that version, and the `gpiofind` beside it: keeps its arguments in `arguments` and prints what comes
 * through the pipe `edges`.
 * @returns its path
 */
export async function writeFakeGpiomon(folder: string, version: '1.6.3' | '2.2.1'): Promise<string> {
  const path = join(folder, 'gpiomon')
  const script = `#!/bin/sh
if [ "$1" = --version ]; then echo "gpiomon (libgpiod) v${version}"; exit 0; fi
for word in "$@"; do echo "$word"; done > ${folder}/arguments
[ -p ${folder}/edges ] || { echo "gpiomon: cannot find GPIO chip character device 'gpiochip0'" >&2; exit 1; }
exec cat ${folder}/edges
`
  await writeFile(path, script)
  await writeFile(join(folder, 'gpiofind'), '#!/bin/sh\n[ "$1" = GPIO17 ] && echo "gpiochip0 17"\n')
  for (const name of ['gpiomon', 'gpiofind']) await chmod(join(folder, name), 0o755)
  return path
}
