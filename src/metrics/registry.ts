/**
 * The numbers behind the table. A writer asks once for a cell (one metric with the values of its labels) and then only
 * adds to it, so that an event on the hot path costs an addition.
 */
import { assert } from '../runtime/assert.ts'
import { OTHER } from './labels.ts'
import type { Metric } from './metric.ts'

/** The number of one metric with one value for each of its labels, in the order of the table. */
export interface Cell {
  readonly labels: readonly string[]
  value: number
}

export interface HistogramCell {
  readonly labels: readonly string[]
  /** How many were in each bucket, not added up; the last one is of what was above all bounds. */
  readonly counts: number[]
  sum: number
  count: number
}

/** Hears each value of a histogram. */
export type RecordListener = (metric: Metric, value: number, labels: readonly string[]) => void

interface Family {
  readonly metric: Metric
  readonly names: readonly string[]
  readonly cells: Map<string, Cell>
  readonly histograms: Map<string, HistogramCell>
}

export class Registry {
  readonly #families = new Map<string, Family>()
  readonly #listeners = new Set<RecordListener>()

  constructor(metrics: readonly Metric[]) {
    for (const metric of metrics) {
      assert(!this.#families.has(metric.name), 'a metric has one place in the table')
      const names = Object.keys(metric.labels)
      this.#families.set(metric.name, { metric, names, cells: new Map(), histograms: new Map() })
    }
  }

  /** Made at 0 when it is asked for the first time. @param name without `holdfast.` */
  cell(name: string, ...values: readonly string[]): Cell {
    const family = this.#family(name)
    const labels = labelsOf(family.metric, values)
    const key = labels.join('\n')
    let cell = family.cells.get(key)
    if (cell === undefined) family.cells.set(key, (cell = { labels, value: 0 }))
    return cell
  }

  histogram(name: string, ...values: readonly string[]): Histogram {
    const family = this.#family(name)
    const labels = labelsOf(family.metric, values)
    const key = labels.join('\n')
    let cell = family.histograms.get(key)
    if (cell === undefined) {
      cell = { labels, counts: Array.from({ length: family.metric.buckets.length + 1 }, () => 0), sum: 0, count: 0 }
      family.histograms.set(key, cell)
    }
    return new Histogram(family.metric, cell, this.#listeners)
  }

  /** Sets one value; null takes it away, where there is nothing to say. */
  set(name: string, value: number | null, ...values: readonly string[]): void {
    if (value !== null) this.cell(name, ...values).value = value
    else this.#family(name).cells.delete(labelsOf(this.#family(name).metric, values).join('\n'))
  }

  /** Sets 1 for one word of the last label and 0 for all others. */
  setOneHot(name: string, word: string, ...values: readonly string[]): void {
    const { metric, names } = this.#family(name)
    const words = metric.labels[names.at(-1)!]
    assert(words !== undefined && words !== 'named', 'a one-hot metric has its words')
    for (const each of words) this.set(name, each === word ? 1 : 0, ...values, each)
  }

  /** Begins at 0 what has a workspace and few other values, so that the first increase of it is seen as one. */
  openWorkspace(workspace: string): void {
    for (const { metric, names } of this.#families.values()) {
      if (metric.kind !== 'counter' || metric.source !== 'process' || names[0] !== 'workspace' || names.length > 2)
        continue
      const words = names[1] === undefined ? undefined : metric.labels[names[1]]
      const name = metric.name.slice('holdfast.'.length)
      if (words === undefined) this.cell(name, workspace)
      else if (words !== 'named') for (const word of words) this.cell(name, workspace, word)
    }
  }

  /** Forgets everything of a workspace. */
  dropWorkspace(workspace: string): void {
    for (const { names, cells, histograms } of this.#families.values()) {
      if (names[0] !== 'workspace') continue
      for (const [key, { labels }] of cells) if (labels[0] === workspace) cells.delete(key)
      for (const [key, { labels }] of histograms) if (labels[0] === workspace) histograms.delete(key)
    }
  }

  /** Calls `listener` for each value of a histogram from now on. Returns the function that ends it. */
  onRecord(listener: RecordListener): () => void {
    const own: RecordListener = (metric, value, labels) => listener(metric, value, labels)
    this.#listeners.add(own)
    return () => {
      this.#listeners.delete(own)
    }
  }

  families(): Iterable<{
    readonly metric: Metric
    readonly names: readonly string[]
    readonly cells: ReadonlyMap<string, Cell>
    readonly histograms: ReadonlyMap<string, HistogramCell>
  }> {
    return this.#families.values()
  }

  #family(name: string): Family {
    const family = this.#families.get(`holdfast.${name}`)
    assert(family !== undefined, `there is a metric ${name}`)
    return family
  }
}

/** Takes the values of one histogram cell. */
export class Histogram {
  readonly #metric: Metric
  readonly #cell: HistogramCell
  readonly #listeners: ReadonlySet<RecordListener>

  constructor(metric: Metric, cell: HistogramCell, listeners: ReadonlySet<RecordListener>) {
    this.#metric = metric
    this.#cell = cell
    this.#listeners = listeners
  }

  record(value: number): void {
    const cell = this.#cell
    const { buckets } = this.#metric
    let index = 0
    while (index < buckets.length && value > buckets[index]!) index++
    cell.counts[index]!++
    cell.sum += value
    cell.count++
    if (this.#listeners.size === 0) return
    for (const listener of this.#listeners) listener(this.#metric, value, cell.labels)
  }
}

/** One value for each label, from its set. */
function labelsOf(metric: Metric, values: readonly string[]): readonly string[] {
  const sets = Object.values(metric.labels)
  assert(sets.length === values.length, `${metric.name} has ${sets.length} labels`)
  return sets.map((set, index) => {
    const value = values[index]!
    return set === 'named' || set.has(value) ? value : OTHER
  })
}
