import { codeOf, type ErrorCode, LatchkeyError } from '@latchkey/shared'

/** Why a camera shows nothing. */
export interface CameraTrouble {
  /** `SOURCE_UNSUPPORTED` when the camera is there and its settings have to change. */
  readonly code: ErrorCode
  /** For people, with what to do where something can be done; never an address. */
  readonly text: string
}

/** Remembers the trouble of one camera. */
export interface TroubleKeeper {
  readonly current: CameraTrouble | null
  begin(error: unknown): void
  end(): void
}

const troubleOf = (error: unknown): CameraTrouble =>
  error instanceof LatchkeyError
    ? { code: error.code, text: error.message }
    : { code: codeOf(error), text: 'the camera cannot be read' }

/** Builds a keeper; `tell` is called once for the same trouble, however often the camera is tried in between. */
export function createTroubleKeeper(tell: (trouble: CameraTrouble) => void): TroubleKeeper {
  let current: CameraTrouble | null = null
  return {
    get current() {
      return current
    },
    begin(error) {
      const next = troubleOf(error)
      if (next.text === current?.text) return
      current = next
      tell(next)
    },
    end() {
      current = null
    },
  }
}
