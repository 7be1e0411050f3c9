import { type Account, ROOT } from './debian-chroot.ts'
import type { Site } from './machine-site.ts'

/** One of the machines that a newcomer may have. */
export interface MachineKind {
  readonly name: string
  readonly what: string
  readonly account: Account
  /** Where the project is cloned to. */
  readonly project: string
  /** Makes the bare machine what it is, and clones the project. */
  install(site: Site): Promise<void>
}

const HOUSEHOLDER: Account = { name: 'house', home: '/home/house' }
/** What `npm test` names to somebody who may not install it. */
const PROGRAMS =
  'age ceph-common ceph-mon ceph-osd chromium chromium-headless-shell e2fsprogs ffmpeg git gpiod iproute2 mosquitto mount nginx-light openssl python3 radosgw systemd unzip zip util-linux'
const INSTALL_PROGRAMS = `apt-get update -qq && apt-get install -qq -y --no-install-recommends ${PROGRAMS}`

function tellsWhatToInstall(code: number, output: string): boolean {
  return code === 1 && /^ *sudo apt-get install .*\bffmpeg\b/m.test(output)
}

/** All machines; the barest first, since it finds the most. */
export const MACHINE_KINDS: readonly MachineKind[] = [
  {
    name: 'root-bare',
    what: 'root, with nothing but Node and npm: no ffmpeg',
    account: ROOT,
    project: '/opt/latchkey',
    install: async ({ clone }) => clone(),
  },
  {
    name: 'root-private-home',
    what: 'root, the project below a home of mode 0700',
    account: ROOT,
    project: '/root/work/latchkey',
    async install({ asRoot, clone }) {
      await asRoot('chmod 0700 /root')
      clone()
    },
  },
  {
    name: 'plain-user',
    what: 'an ordinary user: first without, then with the programs',
    account: HOUSEHOLDER,
    project: `${HOUSEHOLDER.home}/latchkey`,
    async install({ asRoot, check, clone }) {
      await asRoot(`useradd --create-home --home-dir ${HOUSEHOLDER.home} ${HOUSEHOLDER.name}`)
      clone()
      await check('told what to install', 'npm start', tellsWhatToInstall)
      await asRoot(INSTALL_PROGRAMS)
      clone()
    },
  },
]
