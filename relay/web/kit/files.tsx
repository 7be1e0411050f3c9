/** Files that a person saves, and files that a person chooses. */
import type { ComponentChildren } from 'preact'
import { useEffect, useId, useMemo } from 'preact/hooks'

/** Bytes as they may be put into a Blob: no memory of ours is shared with another thread. */
type Part = string | Uint8Array

/** A link that saves. The file is there with the link's first drawing, and gone from memory with the link. */
export function SaveLink(props: {
  parts: readonly Part[]
  name: string
  type: string
  main?: boolean
  onSaved?: () => void
  children: ComponentChildren
}) {
  const { parts, name, type } = props
  const url = useMemo(() => URL.createObjectURL(new Blob(parts as BlobPart[], { type })), [...parts, type])
  useEffect(() => () => URL.revokeObjectURL(url), [url])
  return (
    <a class={props.main ? 'button main' : 'button'} href={url} download={name} onClick={props.onSaved}>
      {props.children}
    </a>
  )
}

/** A field that takes files. */
export function ChooseFiles(props: {
  label: string
  hint?: string
  many?: boolean
  wrong?: string | null
  onFiles: (files: readonly File[]) => void
}) {
  const id = useId()
  return (
    <div class="field">
      <label for={id}>{props.label}</label>
      <input
        id={id}
        type="file"
        multiple={props.many ?? false}
        aria-describedby={`${id}-hint`}
        aria-invalid={Boolean(props.wrong)}
        onChange={(event) => {
          const { files } = event.currentTarget
          if (files !== null && files.length > 0) props.onFiles([...files])
          // The same file may be chosen again.
          event.currentTarget.value = ''
        }}
      />
      <span id={`${id}-hint`} class={props.wrong ? 'bad small' : 'soft small'} role={props.wrong ? 'alert' : undefined}>
        {props.wrong ?? props.hint}
      </span>
    </div>
  )
}
