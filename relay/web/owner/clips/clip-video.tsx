import type { ClipMeta } from '@latchkey/shared'
import { useEffect, useRef, useState } from 'preact/hooks'
import { Alert, Button } from '../../kit/parts.tsx'
import { words } from '../words/words.ts'
import type { ClipPieces, Piece } from './clip-pieces.ts'
import { refusedSentence } from './clip-words.ts'
import type { ClipClaims } from './listed-clip.ts'
import { type ClipPlayback, playClip } from './play-clip.ts'

/** Seen before the moment that somebody goes to. */
const LEAD_S = 1

/** Where in the video the ring or the movement is; `null` when it is at its beginning. */
function momentS(meta: ClipMeta | null, { pieces }: ClipPieces): number | null {
  const zeroMs = pieces[0]?.descriptor.startMs
  if (meta === null || zeroMs === undefined) return null
  const atS = (meta.triggerMs - zeroMs) / 1000 - LEAD_S
  return atS > 1 && atS < pieces.at(-1)!.endS ? atS : null
}

/**
 * The video of a clip that was judged. It begins to play by itself, without sound: somebody just asked for it.
 * @param props.isPaused it shows its first picture and waits
 */
export function ClipVideo(props: {
  clip: ClipPieces
  claims: ClipClaims
  meta: ClipMeta | null
  label: string
  isPaused?: boolean
}) {
  const { clip, claims, meta, label } = props
  const video = useRef<HTMLVideoElement>(null)
  const playback = useRef<ClipPlayback | null>(null)
  const [refused, setRefused] = useState<readonly Piece[]>([])
  const [waiting, setWaiting] = useState(false)
  const [unplayable, setUnplayable] = useState(false)
  const say = words.clips
  useEffect(() => {
    const playing = playClip(video.current!, clip, {
      onRefused: setRefused,
      onWaiting: setWaiting,
      onUnplayable: () => setUnplayable(true),
    })
    playback.current = playing
    return () => playing[Symbol.dispose]()
  }, [claims.clip])
  useEffect(() => playback.current?.grow(clip), [clip])
  const goS = momentS(meta, clip)
  return (
    <div class="player">
      <video
        ref={video}
        controls
        muted
        autoplay={props.isPaused !== true}
        playsInline
        controlsList="nodownload noremoteplayback"
        disablePictureInPicture
        aria-label={say.play(label)}
        hidden={unplayable}
      />
      {unplayable && <Alert wrong>{say.unplayable}</Alert>}
      {clip.pieces.length === 0 && <p>{say.empty}</p>}
      {waiting && <p role="status">{say.waiting}</p>}
      {refused.length > 0 && <Alert wrong>{refusedSentence(claims, refused)}</Alert>}
      {goS !== null && !unplayable && (
        <Button onClick={() => void (video.current!.currentTime = goS)}>{say.jump[meta!.trigger]}</Button>
      )}
    </div>
  )
}
