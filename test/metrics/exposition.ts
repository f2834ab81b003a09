/**
 * A strict reader of Prometheus' text format 0.0.4, for the tests: it takes what the format's description allows and
 * nothing besides, and checks what belongs together (types, histograms, names that appear once).
 */
import assert from 'node:assert/strict'

export interface ReadSample {
  readonly name: string
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

export interface ReadFamily {
  readonly name: string
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  readonly samples: ReadSample[]
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\\\|\\"|\\n)*)"(,?)/

export function readExposition(text: string): ReadonlyMap<string, ReadFamily> {
  assert.ok(text === '' || text.endsWith('\n'), 'the last line ends')
  assert.ok(!text.includes('\r'), 'lines end with a line feed alone')
  const families = new Map<string, ReadFamily>()
  let current: ReadFamily | undefined
  let help: { readonly name: string; readonly text: string } | undefined
  const seen = new Set<string>()
  for (const line of text.split('\n').slice(0, -1)) {
    if (line.startsWith('# HELP ')) {
      const [, name = '', words = ''] = /^# HELP (\S+) (.+)$/.exec(line) ?? []
      assert.equal(NAME.exec(name)?.[0], name, line)
      assert.ok(/^(?:[^\\]|\\\\|\\n)*$/.test(words), `${line} is escaped`)
      help = { name, text: words }
      continue
    }
    if (line.startsWith('# TYPE ')) {
      const [, name = '', type] = /^# TYPE (\S+) (counter|gauge|histogram)$/.exec(line) ?? []
      assert.equal(help?.name, name, `${line} follows its help`)
      assert.ok(!families.has(name), `${name} comes once`)
      current = { name, type: type as ReadFamily['type'], help: help?.text ?? '', samples: [] }
      families.set(name, current)
      continue
    }
    const sample = readSample(line)
    assert.ok(current, `${line} comes after a type`)
    const isOwn =
      current.type === 'histogram'
        ? ['_bucket', '_sum', '_count'].some((suffix) => sample.name === current!.name + suffix)
        : sample.name === current.name
    assert.ok(isOwn, `${line} is of ${current.name}`)
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).map(String).sort())}`
    assert.ok(!seen.has(key), `${line} comes once`)
    seen.add(key)
    current.samples.push(sample)
  }
  for (const family of families.values()) checkFamily(family)
  return families
}

function readSample(line: string): ReadSample {
  const name = NAME.exec(line)?.[0]
  assert.ok(name, `${line} begins with a name`)
  let rest = line.slice(name.length)
  const labels: Record<string, string> = {}
  if (rest.startsWith('{')) {
    rest = rest.slice(1)
    for (let more = true; more;) {
      const match = LABEL.exec(rest)
      assert.ok(match, `${line} has labels at ${rest}`)
      const [whole, label, value, comma] = match
      assert.ok(!Object.hasOwn(labels, label!), `${line} has ${label} once`)
      labels[label!] = value!.replaceAll(/\\(.)/g, (_, escaped: string) => (escaped === 'n' ? '\n' : escaped))
      rest = rest.slice(whole.length)
      more = comma === ','
    }
    assert.ok(rest.startsWith('}'), `${line} ends its labels`)
    rest = rest.slice(1)
  }
  const [, number] = /^ (NaN|[+-]Inf|[+-]?[0-9]+(?:\.[0-9]+)?(?:e[+-]?[0-9]+)?)$/.exec(rest) ?? []
  assert.ok(number !== undefined, `${line} ends with a number`)
  return { name, labels, value: Number(number.replace('Inf', 'Infinity')) }
}

function checkFamily(family: ReadFamily): void {
  const { name, type, samples } = family
  assert.ok(samples.length > 0, `${name} has a sample`)
  assert.equal(name.endsWith('_total'), type === 'counter', `${name} is named as a ${type}`)
  if (type === 'counter') for (const { value } of samples) assert.ok(value >= 0, `${name} is not below 0`)
  if (type !== 'histogram') return
  const groups = new Map<string, ReadSample[]>()
  for (const sample of samples) {
    const { le: _, ...labels } = sample.labels
    const key = JSON.stringify(labels)
    groups.set(key, [...(groups.get(key) ?? []), sample])
  }
  for (const [labels, group] of groups) {
    const buckets = group.filter((sample) => sample.name === `${name}_bucket`)
    const bounds = buckets.map((sample) => Number(sample.labels['le']!.replace('+Inf', 'Infinity')))
    assert.equal(bounds.at(-1), Infinity, `${name}${labels} ends with +Inf`)
    for (let index = 1; index < buckets.length; index++) {
      assert.ok(bounds[index]! > bounds[index - 1]!, `${name}${labels} has rising bounds`)
      assert.ok(buckets[index]!.value >= buckets[index - 1]!.value, `${name}${labels} adds up`)
    }
    const count = group.filter((sample) => sample.name === `${name}_count`)
    assert.deepEqual([count.length, count[0]?.value], [1, buckets.at(-1)!.value], `${name}${labels} has its count`)
    assert.equal(group.filter((sample) => sample.name === `${name}_sum`).length, 1, `${name}${labels} has its sum`)
  }
}

/** The value of one series; undefined where there is none. */
export function valueOf(
  families: ReadonlyMap<string, ReadFamily>,
  name: string,
  labels: Readonly<Record<string, string>> = {},
): number | undefined {
  const family = families.get(name) ?? families.get(name.replace(/_(?:bucket|sum|count)$/, ''))
  const found = family?.samples.filter(
    (sample) =>
      sample.name === name && Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )
  assert.ok(found === undefined || found.length < 2, `${name} ${JSON.stringify(labels)} is one series`)
  return found?.[0]?.value
}
