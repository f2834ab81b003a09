/** A span's context as the headers of W3C carry it, and back. */
import { checkTrace, type TraceContext } from '../protocol/trace-context.ts'
import { createTraceState, type SpanContext } from './api.ts'

export function carriedOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext | undefined {
  const flags = (traceFlags & 0xff).toString(16).padStart(2, '0')
  return checkTrace(`00-${traceId}-${spanId}-${flags}`, traceState?.serialize())
}

export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext {
  const [, traceId = '', spanId = '', flags = '0'] = traceparent.split('-')
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: createTraceState(tracestate) }),
  }
}
