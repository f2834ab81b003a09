/** What KEDA documents of a ScaledObject and of its trigger for Prometheus, as far as it is used here; nothing else may stand there. */
import { z } from 'zod'

/** What the tests look at. */
export interface ScaledObject {
  readonly spec: {
    readonly scaleTargetRef: {
      readonly apiVersion?: string | undefined
      readonly kind?: string | undefined
      readonly name: string
    }
    readonly minReplicaCount?: number | undefined
    readonly maxReplicaCount?: number | undefined
    readonly advanced?:
      | { readonly horizontalPodAutoscalerConfig?: { readonly behavior?: object | undefined } | undefined }
      | undefined
    readonly triggers: readonly {
      readonly metricType?: string | undefined
      readonly metadata: { readonly query: string; readonly threshold: string }
    }[]
  }
}

const count = z.int().min(0)

/** KEDA's own values are all texts. */
const prometheus = z.strictObject({
  type: z.literal('prometheus'),
  name: z.string().optional(),
  metricType: z.enum(['AverageValue', 'Value']).optional(),
  useCachedMetrics: z.boolean().optional(),
  authenticationRef: z.strictObject({ name: z.string(), kind: z.string().optional() }).optional(),
  metadata: z.strictObject({
    serverAddress: z.url(),
    query: z.string().min(1),
    threshold: z.string().regex(/^\d+(\.\d+)?$/),
    activationThreshold: z
      .string()
      .regex(/^\d+(\.\d+)?$/)
      .optional(),
    namespace: z.string().optional(),
    customHeaders: z.string().optional(),
    ignoreNullValues: z.enum(['true', 'false']).optional(),
    queryParameters: z.string().optional(),
    unsafeSsl: z.enum(['true', 'false']).optional(),
    timeout: z.string().optional(),
    authModes: z.string().optional(),
  }),
})

export const scaledObject: z.ZodType<ScaledObject> = z.strictObject({
  apiVersion: z.literal('keda.sh/v1alpha1'),
  kind: z.literal('ScaledObject'),
  metadata: z.strictObject({
    name: z.string(),
    namespace: z.string().optional(),
    labels: z.record(z.string(), z.string()).optional(),
    annotations: z.record(z.string(), z.string()).optional(),
  }),
  spec: z.strictObject({
    scaleTargetRef: z.strictObject({
      apiVersion: z.string().optional(),
      kind: z.string().optional(),
      name: z.string(),
      envSourceContainerName: z.string().optional(),
    }),
    pollingInterval: count.optional(),
    cooldownPeriod: count.optional(),
    initialCooldownPeriod: count.optional(),
    idleReplicaCount: count.optional(),
    minReplicaCount: count.optional(),
    maxReplicaCount: count.optional(),
    fallback: z.strictObject({ failureThreshold: count, replicas: count, behavior: z.string().optional() }).optional(),
    advanced: z
      .strictObject({
        restoreToOriginalReplicaCount: z.boolean().optional(),
        // Of Kubernetes itself: checked as a part of a HorizontalPodAutoscaler.
        horizontalPodAutoscalerConfig: z
          .strictObject({ name: z.string().optional(), behavior: z.record(z.string(), z.unknown()).optional() })
          .optional(),
      })
      .optional(),
    triggers: z.array(prometheus).min(1),
  }),
})
