/** Prometheus' text format, version 0.0.4. */
import { prometheusNameOf } from './metric.ts'
import type { MetricFamily, Sample } from './snapshot.ts'

export const PROMETHEUS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8'

export function expositionOf(families: readonly MetricFamily[]): string {
  const lines: string[] = []
  for (const { metric, samples } of families) {
    const name = prometheusNameOf(metric)
    const source = metric.source === 'store' ? ' (from the store)' : ''
    lines.push(`# HELP ${name} ${helpText(`${metric.help}${source}.`)}`, `# TYPE ${name} ${metric.kind}`)
    for (const sample of samples) write(lines, name, metric.buckets, sample)
  }
  return lines.map((line) => `${line}\n`).join('')
}

function write(lines: string[], name: string, bounds: readonly number[], sample: Sample): void {
  if ('value' in sample) {
    lines.push(`${name}${labelText(sample.labels)} ${numberText(sample.value)}`)
    return
  }
  let below = 0
  for (const [index, count] of sample.counts.entries()) {
    below += count
    const le = numberText(bounds[index] ?? Infinity)
    lines.push(`${name}_bucket${labelText({ ...sample.labels, le })} ${below}`)
  }
  lines.push(`${name}_sum${labelText(sample.labels)} ${numberText(sample.sum)}`)
  lines.push(`${name}_count${labelText(sample.labels)} ${sample.count}`)
}

function labelText(labels: Readonly<Record<string, string>>): string {
  const pairs = Object.entries(labels).map(([name, value]) => `${name}="${valueText(value)}"`)
  return pairs.length === 0 ? '' : `{${pairs.join(',')}}`
}

function valueText(value: string): string {
  return value
    .replaceAll('\\', String.raw`\\`)
    .replaceAll('\n', String.raw`\n`)
    .replaceAll('"', String.raw`\"`)
}

function helpText(help: string): string {
  return help.replaceAll('\\', String.raw`\\`).replaceAll('\n', String.raw`\n`)
}

function numberText(value: number): string {
  if (value === Infinity) return '+Inf'
  return value === -Infinity ? '-Inf' : String(value)
}
