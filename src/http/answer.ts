/**
 * Answers that cost little. A native `Response` makes streams and a `Headers` for each answer, and they are read back
 * at once to be written to a socket: measured, 20 microseconds, which is half of a small request. An answer made here
 * keeps its three parts for the writer, and becomes a native `Response` only for those who ask it for more.
 */
export interface AnswerParts {
  readonly status: number
  /** Names in small letters; without those of the framing (`content-length`, `connection`), which the writer sets. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: string | Uint8Array<ArrayBuffer> | null
}

/** What no framework does, for a simulator of a bad network. */
export type Breakage =
  /** The head and the whole length, half of the body, and the end of the connection. */
  | { readonly kind: 'half'; readonly parts: AnswerParts; readonly sent: Uint8Array }
  /** A reset of the connection instead of an answer. */
  | { readonly kind: 'reset' }
  /** The end of the connection instead of an answer. */
  | { readonly kind: 'end' }

class LightResponse {
  readonly parts: AnswerParts
  #native: Response | undefined

  constructor(parts: AnswerParts) {
    this.parts = parts
  }

  get status(): number {
    return this.parts.status
  }

  get ok(): boolean {
    return this.parts.status >= 200 && this.parts.status < 300
  }

  native(): Response {
    this.#native ??= new Response(this.parts.body, { status: this.parts.status, headers: this.parts.headers })
    return this.#native
  }

  /** As the writer may have it: undefined once somebody has the native one, whose headers can be changed. */
  untouched(): AnswerParts | undefined {
    return this.#native === undefined ? this.parts : undefined
  }
}

for (const name of ['headers', 'body', 'bodyUsed', 'redirected', 'statusText', 'type', 'url'] as const) {
  Object.defineProperty(LightResponse.prototype, name, {
    get(this: LightResponse) {
      return this.native()[name]
    },
  })
}
for (const name of ['arrayBuffer', 'blob', 'bytes', 'clone', 'formData', 'json', 'text'] as const) {
  Object.defineProperty(LightResponse.prototype, name, {
    value(this: LightResponse) {
      return this.native()[name]()
    },
  })
}
// So that it is an `instanceof Response`, as frameworks ask.
Object.setPrototypeOf(LightResponse.prototype, Response.prototype)

/** A `Response` in everything, and cheap where nobody looks into it before the writer does. */
export function answer(status: number, headers: AnswerParts['headers'], body: AnswerParts['body']): Response {
  return new LightResponse({ status, headers, body }) as unknown as Response
}

/** What the writer can take as it is; undefined where it must read the `Response`. */
export function partsOf(response: Response): AnswerParts | undefined {
  const light: unknown = response
  return light instanceof LightResponse ? light.untouched() : undefined
}

/** To the writer. In everybody else's hands it is an empty 502. */
export function broken(breakage: Breakage): Response {
  const response = new Response(null, { status: 502 })
  breakages.set(response, breakage)
  return response
}

export function breakageOf(response: Response): Breakage | undefined {
  return breakages.get(response)
}

const breakages = new WeakMap<Response, Breakage>()
