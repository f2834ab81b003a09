/**
 * Spans in the form of OpenTelemetry's conventions for messaging. A call is a message that is produced: its span has the
 * kind producer and the caller's span as its parent, and its context is what is stored with the operations. A request is
 * a batch that is sent, perhaps much later and elsewhere: its span has the kind client and links to those contexts.
 * No attribute holds a payload, a person or a credential.
 */
import type { HoldfastEvent } from '../observe/events.ts'
import type { CallTrace, Tracing } from '../observe/tracing.ts'
import type { TraceContext } from '../protocol/trace-context.ts'
import type { Clock } from '../runtime/clock.ts'
import {
  type Attributes,
  type Context,
  context,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer,
} from './api.ts'
import { carriedOf, spanContextOf } from './carried.ts'

const DESTINATION = 'customer.io'

/** @param tracer asked for at each call, for a provider may be set later. */
export function tracingWith(tracer: () => Tracer): Tracing {
  return {
    begin(given): CallTrace {
      const parent = parentOf(given)
      const span = tracer().startSpan(
        `accept ${DESTINATION}`,
        { kind: SpanKind.PRODUCER, attributes: messaging('accept', 'create') },
        parent,
      )
      return {
        context: carriedOf(span.spanContext()),
        end(operations, code) {
          span.setAttribute('messaging.batch.message_count', operations)
          if (code !== undefined) {
            span.setAttribute('error.type', code)
            span.setStatus({ code: SpanStatusCode.ERROR })
          }
          span.end()
        },
      }
    },
  }
}

/** The active span, unless the call came with a context of another trace. */
function parentOf(given: TraceContext | undefined): Context {
  const active = context.active()
  if (given === undefined) return active
  const remote = spanContextOf(given)
  return trace.getSpanContext(active)?.traceId === remote.traceId ? active : trace.setSpanContext(ROOT_CONTEXT, remote)
}

/** The span of a request, made when it has ended. */
export function recordRequest(
  event: HoldfastEvent & { readonly type: 'request' },
  workspace: string,
  tracer: Tracer,
  clock: Clock,
): void {
  const endMs = clock.wallMs()
  const contexts = (event.traces ?? []).map(spanContextOf)
  const [first] = contexts
  const parent = first !== undefined && contexts.length === 1 ? trace.setSpanContext(ROOT_CONTEXT, first) : ROOT_CONTEXT
  const span = tracer.startSpan(
    `send ${DESTINATION}`,
    {
      kind: SpanKind.CLIENT,
      startTime: endMs - event.durationMs,
      links: contexts.map((linked) => ({ context: linked })),
      attributes: attributesOf(event, workspace),
    },
    parent,
  )
  if (event.outcome !== 'delivered') span.setStatus({ code: SpanStatusCode.ERROR, message: event.outcome })
  span.end(endMs)
}

function attributesOf(event: HoldfastEvent & { readonly type: 'request' }, workspace: string): Attributes {
  const isGood = event.outcome === 'delivered'
  return {
    ...messaging('send', 'send'),
    'messaging.batch.message_count': event.entries,
    'http.request.body.size': event.bytes,
    'holdfast.workspace': workspace,
    'holdfast.outcome': event.outcome,
    'holdfast.probe': event.probe,
    ...(event.status === null ? {} : { 'http.response.status_code': event.status }),
    ...(isGood ? {} : { 'error.type': event.reason ?? event.outcome }),
  }
}

function messaging(name: string, type: 'create' | 'send'): Attributes {
  return {
    'messaging.system': 'holdfast',
    'messaging.destination.name': DESTINATION,
    'messaging.operation.name': name,
    'messaging.operation.type': type,
  }
}
