import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { eventually } from './poll.ts'

/** What systemd does with `NOTIFY_SOCKET`: a datagram socket, `@` for an abstract name, one line per message. */
const PROGRAM = `
import os, socket, sys
name = sys.argv[1]
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind('\\0' + name[1:] if name.startswith('@') else name)
print('listening', flush=True)
while True:
    message, ancillary, _, _ = s.recvmsg(65536, 1024)
    for level, kind, data in ancillary:
        if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
            os.close(int.from_bytes(data[:4], sys.byteorder))
    print(message.decode().replace('\\n', ' '), flush=True)
`

/** A listening notification socket. */
export interface NotifyListener extends AsyncDisposable {
  /** Every message so far, in order; those that only synchronise are left out. */
  messages(): string[]
}

/** Listens at `name` as systemd does. */
export async function startNotifyListener(name: string): Promise<NotifyListener> {
  const child = spawn('python3', ['-c', PROGRAM, name], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => (text += chunk.toString()))
  await eventually(() => text.startsWith('listening\n'), 'the notification socket')
  return {
    messages: () =>
      text
        .split('\n')
        .slice(1)
        .filter((line) => line !== '' && line !== 'BARRIER=1'),
    async [Symbol.asyncDispose]() {
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}
