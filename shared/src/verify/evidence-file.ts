/** A file that `latchkey open` writes. */
export interface EvidenceFile {
  /** Name in `opened/`. */
  readonly path: string
  readonly mediaType: string
  readonly sizeBytes: number
  /** 64 hexadecimal digits. */
  readonly sha256: string
  readonly startMs: number
  readonly endMs: number
  /** `original`: the camera's coded frames bit for bit; `working-copy`: repackaged, never evidence itself. */
  readonly rendition: 'original' | 'working-copy'
  /** SHA-256 of the file that a working copy was made from, of both where sound was added; null for originals. */
  readonly derivedFrom: string | null
}

/** Who made `opened/`, and when. */
export interface OpeningNote {
  readonly openedSeconds: number
  /** Program and version, one line. */
  readonly tool: string
}
