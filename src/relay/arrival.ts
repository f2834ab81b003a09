/** What is known of a request beside itself. */
export interface RequestArrival {
  /** Stands for the connection: requests of one are stored in the order in which they came. */
  readonly connection?: object
  /** The target as it stood in the request line. Without it, path and query of the request's URL are taken. */
  readonly target?: string
  /** The same as the request's, where they can be had for less. */
  readonly headers?: Pick<Headers, 'get'>
  /** Whether the client has gone. Without it, the request's signal says so. */
  readonly isGone?: boolean
}
