/**
 * @typedef {{ x: number, y: number, width: number, height: number }} Box
 * @typedef {{ kind: 'finding', moving: boolean, changedShare: number, threshold: number, boxes: Box[], zones?: string[], reason?: string }} Finding
 */

/** Why the detector does not call it motion. @type {Record<string, string>} */
const REASONS = {
  learning: 'The detector is learning the picture.',
  light: 'The light changed; that does not count.',
  infrared: 'The camera switched its night light; that does not count.',
  small: 'Something small moves; it is below your threshold.',
  still: 'Something that was not there before does not move any more.',
  settling: 'Nearly everything changed; the next pictures decide.',
  unconfirmed: 'Something may move; the next pictures decide.',
}

/** @param {number} share */
const percent = (share) => `${(share * 100).toFixed(1)} %`

/** What the detector found, for people. @param {Finding} finding */
export function findingWords({ moving, changedShare, threshold, zones = [], reason }) {
  if (!moving) return REASONS[reason ?? ''] ?? 'Nothing moves.'
  const where = zones.length > 0 ? ` in ${zones.join(', ')}` : ''
  const close = reason === 'close-visitor' ? ' Somebody stands right in front of the camera.' : ''
  return `Something moves${where}: ${percent(changedShare)} of the picture changed, ${percent(threshold)} are enough.${close}`
}

/** The word beside every colour. @type {Record<string, string>} */
export const LEVELS = { good: 'OK', note: 'Note', bad: 'Problem' }

/** @type {Record<string, string>} */
export const ROLES = { include: 'counts', exclude: 'does not count', mask: 'mask' }
