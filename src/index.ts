/** The public names of `holdfast`. An explicit list: what is not here is private. */
export {
  AbortedError,
  ClosedError,
  HoldfastError,
  isHoldfastError,
  OptionsError,
  OutboxError,
  OutboxFullError,
  RequestError,
  TimeoutError,
  ValidationError,
} from './errors.ts'
export type { ErrorCode, OutboxErrorCode, Problem } from './errors.ts'
