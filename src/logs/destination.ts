/** Where lines go. A destination that is slow or broken holds up nobody: it loses lines, and says how many. */
export interface Destination {
  /** One line, with its end. May throw. */
  write(text: string): void
  /** Lines that were taken and then not written. */
  readonly lost: number
  /** Waits until what was taken is written, or for `timeoutMs`. Never rejects. */
  flush(timeoutMs: number): Promise<void>
}
