/** What is used of OpenTelemetry's API; the one file that imports it. */
export { context, metrics, ROOT_CONTEXT, SpanKind, SpanStatusCode, trace, TraceFlags } from '@opentelemetry/api'
export type {
  Attributes,
  BatchObservableResult,
  Context,
  Histogram,
  Meter,
  MeterProvider,
  Observable,
  Span,
  SpanContext,
  Tracer,
  TracerProvider,
} from '@opentelemetry/api'
export { createTraceState } from '@opentelemetry/api'
