/** `latchkey-agent setup` as the package installs it: asked at a terminal by root, then started as the service starts it. */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { loadFfmpeg } from '../../device-agent/src/camera/ffmpeg-binary.ts'
import { systemClock } from '../../device-agent/src/kernel/clock.ts'
import { loadCodedVideo } from '../bench/camera/coded-video.ts'
import { type RtspServer, startRtspServer } from '../bench/camera/rtsp-server.ts'
import { recordCamera } from '../local/camera-recording.ts'
import { CELL } from '../local/demo-home.ts'
import { createDemoOwner, type DemoOwner } from '../local/demo-owner.ts'
import { loadDemoParties } from '../local/demo-parties.ts'
import { startDemoWorld } from '../local/demo-world.ts'
import { createProcessKeeper } from '../local/managed-process.ts'
import { findFreePort } from '../local/port.ts'
import { type Machine, ROOT } from './debian-chroot.ts'
import type { Site } from './machine-site.ts'
import { createTypedSession } from './typed-session.ts'

/** With a space, as passwords may have; in an address it is written otherwise. */
const PASSWORD = 's3 cret'
const STATE = '/var/lib/latchkey'
const CONFIG = '/etc/latchkey'

/** Everything a doorbell meets when it is set up. */
export interface SetupScene extends AsyncDisposable {
  readonly relay: string
  readonly camera: RtspServer
  readonly owner: DemoOwner
}

/** A relay, a network camera that asks for a password, and an owner's phone, all on this machine. */
export async function createSetupScene(folder: string): Promise<SetupScene> {
  rmSync(folder, { recursive: true, force: true })
  await using stack = new AsyncDisposableStack()
  const keeper = stack.use(createProcessKeeper())
  const parties = await loadDemoParties(join(folder, 'parties'))
  const port = await findFreePort()
  const world = await startDemoWorld({ folder, port, operator: parties.operator.jwk, keeper })
  const ffmpeg = await loadFfmpeg({ searchPath: process.env['PATH'] ?? '', clock: systemClock })
  const recording = join(folder, 'door.mp4')
  await recordCamera(null, recording, { ffmpeg, say: () => {} })
  const camera = stack.use(
    await startRtspServer({ video: loadCodedVideo(recording), credentials: `admin:${PASSWORD}`, digest: true }),
  )
  const owner = createDemoOwner({ keys: parties.owner, relay: world.origin, nowMs: Date.now })
  await owner.enrol(CELL)
  const whole = stack.move()
  return { relay: world.origin, camera, owner, [Symbol.asyncDispose]: () => whole.disposeAsync() }
}

/** util-linux's `script` is on every Debian: a pseudo-terminal without anything more to install. */
const AT_TERMINAL = `TERM=xterm-256color LANG=C.UTF-8 script -qec 'stty cols 100 rows 40; latchkey-agent setup' /dev/null`

/** Sets the doorbell up as a person does. @throws when a question does not come, or it ends badly */
export async function setUpAtTerminal(machine: Machine, { relay, camera, owner }: SetupScene): Promise<string> {
  const child = machine.open(ROOT, AT_TERMINAL)
  const session = createTypedSession(child)
  const { sees, answer } = session
  try {
    await sees(/Which camera watches the door\?/)
    const [number] = /\d+/.exec(await sees(/\d+ {2}A network camera/))!
    await sees(/Number/)
    answer(number)
    await sees(/Its address/)
    answer(camera.url())
    await sees(/User name/)
    answer('admin')
    await sees(/Password/)
    answer(PASSWORD)
    await sees(/H\.264, \d+×\d+/)
    await sees(/What is the door called\?/)
    answer('Front door')
    await sees(/Where is the bell button\?[^]*Number/)
    answer('')
    await sees(/Address of your relay/)
    answer(relay)
    await sees(/answers, version 1/)
    await sees(/Write this\?/)
    answer('')
    await sees(/▀/)
    const digits = await owner.pair(await sees(/https?:\/\/\S+\/pair#\S+/))
    await sees(new RegExp(`${digits.slice(0, 3)} ${digits.slice(3)}`))
    await sees(/Does it show the same\?/)
    answer('y')
    await sees(/latchkey-agent doctor/)
    const code = await session.ended()
    if (code !== 0) throw new Error(`setup ended with ${code}: ${session.screen().slice(-300)}`)
    if (/s3( |%20)cret/.test(session.screen())) throw new Error('setup showed the password')
    return digits
  } finally {
    child.kill('SIGKILL')
  }
}

const AS_SERVICE = 'setpriv --reuid=latchkey --regid=latchkey --init-groups --inh-caps=-all --no-new-privs'

/** Whose is what, who may read it, and that the service may. */
const FILES = [
  `stat -c '%n %U:%G %a' ${CONFIG}/agent.yml ${CONFIG}/camera.address ${STATE} ${STATE}/keys ${STATE}/keys/device.key > /srv/rights`,
  `printf '%s\\n' '${CONFIG}/agent.yml root:latchkey 640' '${CONFIG}/camera.address latchkey:latchkey 600' '${STATE} latchkey:latchkey 700' '${STATE}/keys latchkey:latchkey 700' '${STATE}/keys/device.key latchkey:latchkey 600' | diff - /srv/rights`,
  `test -z "$(find ${STATE} ! -user latchkey)"`,
  `! grep -rE 's3( |%20)cret' ${CONFIG}/agent.yml ${STATE}`,
  // Somebody else on the machine reads neither.
  `! setpriv --reuid=nobody --regid=nogroup --clear-groups cat ${CONFIG}/agent.yml ${CONFIG}/camera.address 2>/dev/null`,
  'latchkey-agent config check',
  `${AS_SERVICE} latchkey-agent config check`,
].join(' && ')

/** What the unit says, without systemd, which a chroot has not: its directory, its program, its account. */
const START = [
  'unit=/usr/lib/systemd/system/latchkey-agent.service',
  'set_of() { sed -n "s/^$1=//p" $unit; }',
  'install -d -o latchkey -g latchkey -m "$(set_of RuntimeDirectoryMode)" "/run/$(set_of RuntimeDirectory)"',
  'test "$(set_of User)" = latchkey',
  `{ ${AS_SERVICE} env -i PATH=/usr/bin:/bin HOME=${STATE} $(set_of ExecStart) & }`,
  'service=$!',
  `records() { latchkey-agent status > /srv/status 2>&1; grep -q 'Recording .* watching' /srv/status && grep -q 'Relay .* connected to' /srv/status; }`,
  'for second in $(seq 120); do if records; then break; fi; sleep 1; done',
  'cat /srv/status',
  'records',
  'kill -TERM $service',
  'wait $service',
  // As systemd does; what the doorbell left there would be in the way.
  'rmdir "/run/$(set_of RuntimeDirectory)"',
].join(' && ')

/** The steps that need nobody at a terminal. The scene must still be there. */
export async function tryWhatSetupWrote(site: Site): Promise<void> {
  await site.check('setup files', FILES)
  await site.check('setup service', START)
}
