/** What can go wrong between an operator and a relay, with the status that the API answers it with. */

const STATUSES = {
  'invalid-request': 400,
  unauthorized: 401,
  'foreign-host': 403,
  'foreign-origin': 403,
  'unknown-route': 404,
  'unknown-workspace': 404,
  'method-not-allowed': 405,
  /** The set is not the one that was looked at. */
  'count-changed': 409,
  /** More match than are looked through. */
  'too-many': 409,
  'body-too-large': 413,
  'reload-refused': 422,
  failed: 500,
  'not-supported': 501,
  /** The outbox does not answer. */
  unavailable: 503,
  'too-many-readers': 503,
  /** Of the client alone: nothing listens, or it took too long. */
  unreachable: 0,
  /** Of the client alone: what answers is no relay. */
  'bad-answer': 0,
  /** Of a stopped relay: this needs one that runs. */
  'not-running': 0,
} as const

export type AdminErrorCode = keyof typeof STATUSES

export class AdminError extends Error {
  override readonly name = 'AdminError'
  readonly code: AdminErrorCode
  /** What is wrong in a request, as a dotted path. */
  readonly field: string | undefined

  constructor(
    code: AdminErrorCode,
    message: string,
    details: { readonly field?: string; readonly cause?: unknown } = {},
  ) {
    super(message, details.cause === undefined ? {} : { cause: details.cause })
    this.code = code
    this.field = details.field
  }

  /** Of the API's answer; 0 for what never is one. */
  get status(): number {
    return STATUSES[this.code]
  }
}

export function isAdminErrorCode(code: unknown): code is AdminErrorCode {
  return typeof code === 'string' && Object.hasOwn(STATUSES, code)
}

export function notRunning(): Promise<never> {
  return Promise.reject(new AdminError('not-running', 'this needs a relay that runs, and none answers'))
}
