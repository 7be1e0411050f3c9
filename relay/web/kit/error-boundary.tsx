import { Component, type ComponentChildren } from 'preact'

/** A screen that fails says so instead of vanishing. */
export class ErrorBoundary extends Component<
  { children: ComponentChildren; explain: (error: unknown) => ComponentChildren },
  { failure: { readonly error: unknown } | null }
> {
  override state = { failure: null as { readonly error: unknown } | null }

  static override getDerivedStateFromError(error: unknown) {
    return { failure: { error } }
  }

  override render() {
    return this.state.failure === null ? this.props.children : this.props.explain(this.state.failure.error)
  }
}
