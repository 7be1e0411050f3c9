import type { AgentSnapshot } from './control-message.ts'

/** How a line stands: fine, worth knowing, or in need of somebody. Always told by a word as well. */
export type StatusLevel = 'good' | 'note' | 'bad'

/** One fact in words. */
export interface StatusLine {
  readonly label: string
  readonly text: string
  readonly level: StatusLevel
  /** What to do about it. */
  readonly advice?: string
}

/** The agent's state as a homeowner asks for it. */
export interface StatusWords {
  readonly headline: string
  readonly level: StatusLevel
  readonly lines: readonly StatusLine[]
}

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS
/** A clip that waits longer than this with a connection is worth a word. */
const UPLOAD_PATIENCE_CLIPS = 3

/** Text of the household's or the camera's for a terminal or a page: what could steer either becomes a visible mark. */
export function plainText(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/gu, '�')
}

/** E.g. `41.2 GB`; decimal units, as shops sell them. */
export function sizeWords(bytes: number): string {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB']
  const step = bytes < 1_000 ? 0 : Math.min(Math.floor(Math.log10(bytes) / 3), units.length - 1)
  const value = bytes / 1_000 ** step
  return `${step === 0 || value >= 100 ? Math.round(value) : value.toFixed(1)} ${units[step]!}`
}

/** `count` things: `1 clip`, `2 clips`. */
export function countWords(count: number, thing: string): string {
  return `${count} ${thing}${count === 1 ? '' : 's'}`
}

/** How long ago, at a glance. */
function agoWords(ms: number): string {
  if (ms < MINUTE_MS) return 'just now'
  if (ms < HOUR_MS) return `${Math.floor(ms / MINUTE_MS)} min ago`
  if (ms < DAY_MS) return `${Math.floor(ms / HOUR_MS)} h ago`
  return `${countWords(Math.floor(ms / DAY_MS), 'day')} ago`
}

/** Clock time of this machine; with the day when it is not today. */
function timeWords(atMs: number, nowMs: number, timeZone: string | undefined): string {
  const zone = timeZone === undefined ? {} : { timeZone }
  const day = new Intl.DateTimeFormat('en-GB', { weekday: 'short', day: 'numeric', month: 'short', ...zone })
  const time = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', ...zone }).format(atMs)
  return day.format(atMs) === day.format(nowMs) ? time : `${day.format(atMs)} ${time}`
}

function streamWords(stream: AgentSnapshot['camera']['stream']): string {
  if (stream === null) return ''
  const rate = stream.framesPerSecond === null ? '' : `, ${Math.round(stream.framesPerSecond)} pictures/s`
  return `; ${stream.width}×${stream.height}${rate}`
}

const CABLE_ADVICE = 'Look at the camera’s cable, power or network; latchkey-agent doctor says more.'
const SETTINGS_ADVICE =
  'Change that in the camera’s own settings: it is tried again every few seconds, without a restart.'

function recordingLine(snapshot: AgentSnapshot, at: (ms: number) => string): StatusLine {
  const { camera, pairing } = snapshot
  const label = 'Recording'
  if (!pairing.paired)
    return {
      label,
      level: 'bad',
      text: 'not paired: nothing is recorded',
      advice: 'Pair it: latchkey-agent status --pairing shows the address for the owner’s phone.',
    }
  const since = camera.sinceMs === null ? '' : ` since ${at(camera.sinceMs)}`
  const because = camera.trouble === null ? '' : `: ${camera.trouble.text}`
  const isSettings = camera.trouble?.code === 'SOURCE_UNSUPPORTED'
  switch (camera.state) {
    case 'on':
      return { label, level: 'good', text: `watching${since}${streamWords(camera.stream)}` }
    case 'starting':
      return { label, level: 'note', text: `the camera is starting${because}` }
    case 'privacy':
      return { label, level: 'note', text: `privacy mode${since}: the camera is off, the bell still rings` }
    case 'camera-lost':
      return {
        label,
        level: 'bad',
        text: `no picture from the camera${since}${because}`,
        advice: isSettings ? SETTINGS_ADVICE : CABLE_ADVICE,
      }
    case 'stopped':
      return {
        label,
        level: 'bad',
        text: `stopped${since}${because}`,
        advice: 'Start it again: sudo systemctl restart latchkey-agent',
      }
  }
}

function visitorLine({ recent, counts, startedMs, nowMs }: AgentSnapshot, at: (ms: number) => string): StatusLine {
  const label = 'Last visitor'
  const last = recent.findLast((news) => news.kind === 'door')
  if (last === undefined) return { label, level: 'good', text: `nobody since the agent started, ${at(startedMs)}` }
  const what = last.trigger === 'ring' ? 'rang the bell' : 'moved at the door'
  const rest = `${countWords(counts.rings, 'ring')}, ${countWords(counts.motions, 'motion')} since ${at(startedMs)}`
  return { label, level: 'good', text: `${what} ${at(last.atMs)}, ${agoWords(nowMs - last.atMs)} (${rest})` }
}

function uploadLine({ spool, relay }: AgentSnapshot): StatusLine {
  const label = 'Uploaded'
  if (spool.clips === 0) return { label, level: 'good', text: 'everything' }
  const text = `${countWords(spool.clips, 'clip')} (${sizeWords(spool.bytes)}) kept here, to be sent`
  const isStuck = spool.clips > UPLOAD_PATIENCE_CLIPS || !relay.connected
  return { label, level: isStuck ? 'note' : 'good', text }
}

function droppedLine({ spool }: AgentSnapshot): StatusLine[] {
  if (spool.droppedClips === 0) return []
  const text = `${countWords(spool.droppedClips, 'clip')} since set-up, for lack of room or a damaged disk`
  return [{ label: 'Given up', level: 'note', text, advice: 'A larger disk, or a better connection, keeps more.' }]
}

function relayLine({ relay, pairing }: AgentSnapshot): StatusLine {
  const label = 'Relay'
  const host = URL.canParse(relay.origin) ? new URL(relay.origin).host : relay.origin
  if (!pairing.paired) return { label, level: 'note', text: `${host}, waiting for the pairing` }
  if (relay.connected) return { label, level: 'good', text: `connected to ${host}` }
  return {
    label,
    level: 'note',
    text: `no connection to ${host}; nothing is lost, it is sent later`,
    advice: 'Look at this machine’s network; latchkey-agent doctor says more.',
  }
}

function clockLine({ clock }: AgentSnapshot): StatusLine[] {
  if (clock === null) return []
  const within =
    clock.uncertaintyMs >= 1_000 ? `${(clock.uncertaintyMs / 1_000).toFixed(1)} s` : `${clock.uncertaintyMs} ms`
  if (clock.source !== 'none')
    return [{ label: 'Clock', level: 'good', text: `kept by ${clock.source.toUpperCase()}, within ${within}` }]
  const advice = 'Let the network keep it: sudo timedatectl set-ntp true'
  return [{ label: 'Clock', level: 'note', text: `kept by nothing; clips say ± ${within}`, advice }]
}

function diskLine({ disk }: AgentSnapshot): StatusLine[] {
  if (disk === null) return []
  const label = 'Disk'
  const text = `${sizeWords(disk.freeBytes)} free`
  if (disk.freeBytes >= 2 * disk.minimumFreeBytes) return [{ label, level: 'good', text }]
  const isFull = disk.freeBytes < disk.minimumFreeBytes
  const advice = 'Make room: recording goes on, and the oldest clips go first.'
  return isFull
    ? [{ label, level: 'bad', text: `${text}: full, old clips make room for new ones`, advice }]
    : [{ label, level: 'note', text: `${text}, soon full`, advice }]
}

function headlineOf(snapshot: AgentSnapshot, lines: readonly StatusLine[]): string {
  const { camera, pairing } = snapshot
  if (!pairing.paired) return 'Not paired yet'
  if (camera.state === 'privacy') return 'Privacy mode: the camera is off'
  if (camera.state === 'starting') return 'Starting'
  if (camera.state !== 'on') return 'Not recording'
  return lines.some(({ level }) => level !== 'good') ? 'Recording, with a note' : 'Recording. All is well.'
}

const SEVERITY: Readonly<Record<StatusLevel, number>> = { good: 0, note: 1, bad: 2 }

/**
 * Says in plain English how the agent is.
 * @param timeZone IANA name; this machine's when absent
 */
export function statusWords(snapshot: AgentSnapshot, timeZone?: string): StatusWords {
  const at = (ms: number): string => timeWords(ms, snapshot.nowMs, timeZone)
  const lines = [
    recordingLine(snapshot, at),
    visitorLine(snapshot, at),
    uploadLine(snapshot),
    ...droppedLine(snapshot),
    relayLine(snapshot),
    ...clockLine(snapshot),
    ...diskLine(snapshot),
  ].map((line) => ({ ...line, text: plainText(line.text) }))
  const level = lines.reduce<StatusLevel>(
    (worst, line) => (SEVERITY[line.level] > SEVERITY[worst] ? line.level : worst),
    'good',
  )
  return { headline: headlineOf(snapshot, lines), level, lines }
}
