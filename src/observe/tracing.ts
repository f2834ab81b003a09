/**
 * Where a tracer takes part in a call. The client knows no tracer; `holdfast/opentelemetry` is one. What a tracer throws
 * harms no call.
 */
import type { TraceContext } from '../protocol/trace-context.ts'

export interface Tracing {
  /** A call begins, in the caller's own context. @param given the context that came with the call, where one did. */
  begin(given: TraceContext | undefined): CallTrace
}

export interface CallTrace {
  /** What is stored with the call's operations; undefined where nothing traces. */
  readonly context: TraceContext | undefined
  /** Once. @param code of the error that refused the call; undefined when it was accepted. */
  end(operations: number, code?: string): void
}

/** The trace of a call; without a tracer, what came with the call and no more. */
export function beginTrace(tracing: Tracing | undefined, given: TraceContext | undefined): CallTrace {
  if (tracing === undefined) return untraced(given)
  try {
    const trace = tracing.begin(given)
    return {
      context: trace.context ?? given,
      end(operations, code) {
        try {
          trace.end(operations, code)
        } catch {
          // As with a listener: the tracer's own trouble.
        }
      },
    }
  } catch {
    return untraced(given)
  }
}

const NOTHING: CallTrace = Object.freeze({ context: undefined, end: () => {} })

function untraced(given: TraceContext | undefined): CallTrace {
  return given === undefined ? NOTHING : { context: given, end: () => {} }
}
