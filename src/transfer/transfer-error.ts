/** Why a transfer of a file cannot begin or go on, for whoever started it. A bad line is no error: it is counted and kept. */
export type TransferErrorCode =
  /** The file cannot be read, or is not what its name says. */
  | 'FILE_UNREADABLE'
  /** The file is not the one that the progress file speaks of. */
  | 'FILE_CHANGED'
  /** The settings are not those that the import began with. */
  | 'SETTINGS_CHANGED'
  /** The progress file cannot be read or written. */
  | 'PROGRESS_UNUSABLE'
  /** The mapping of a CSV file does not fit it. */
  | 'MAPPING'

export class TransferError extends Error {
  override readonly name = 'TransferError'
  readonly code: TransferErrorCode

  constructor(code: TransferErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? {} : { cause })
    this.code = code
  }
}
