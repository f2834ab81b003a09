/** The limits of attributes: of people, of objects and of relationships. */
import { jsonBytes, jsonExceeds, textExceeds } from './bytes.ts'
import type { Relationship } from './call.ts'
import type { Problems } from './fields.ts'
import type { JsonObject, JsonValue } from './json.ts'
import { kindOf, memberField } from './kind.ts'
import {
  ATTRIBUTE_NAME_BYTES_MAX,
  ATTRIBUTE_VALUE_BYTES_MAX,
  ATTRIBUTES_MAX,
  OBJECT_ATTRIBUTES_BYTES_MAX,
  PROBLEMS_MAX,
} from './limits.ts'
import { tooLong, tooMany } from './lint-fields.ts'

/** Reserved, and structured by Customer.io itself: with many topics it is longer than a value of the caller's may be. */
const PREFERENCES = 'cio_subscription_preferences'

/** Attributes of a person. */
export function lintAttributes(attributes: JsonObject, problems: Problems, field: string): void {
  let count = 0
  for (const key of Object.keys(attributes)) {
    const value = attributes[key]
    if (value === undefined) continue
    count++
    if (problems.length < PROBLEMS_MAX) lintAttribute(key, value, problems, field)
  }
  if (count > ATTRIBUTES_MAX) tooMany(problems, field, count, ATTRIBUTES_MAX, 'attributes')
}

/** Attributes of an object or of a relationship: the same, and a limit for all together. */
export function lintObjectAttributes(attributes: JsonObject | undefined, problems: Problems, field: string): void {
  if (attributes === undefined) return
  lintAttributes(attributes, problems, field)
  if (jsonExceeds(attributes, OBJECT_ATTRIBUTES_BYTES_MAX)) {
    tooLong(problems, field, `${OBJECT_ATTRIBUTES_BYTES_MAX} bytes`, `${jsonBytes(attributes)} bytes of JSON`)
  }
}

export function lintRelationships(items: readonly Relationship[] | undefined, problems: Problems, field: string): void {
  items?.forEach(({ relationshipAttributes }, index) => {
    if (problems.length < PROBLEMS_MAX) {
      lintObjectAttributes(relationshipAttributes, problems, `${field}[${index}].relationship_attributes`)
    }
  })
}

function lintAttribute(key: string, value: JsonValue, problems: Problems, field: string): void {
  if (textExceeds(key, ATTRIBUTE_NAME_BYTES_MAX)) {
    tooLong(problems, memberField(field, key), `${ATTRIBUTE_NAME_BYTES_MAX} bytes`, `a name of ${kindOf(key)}`)
  }
  if (typeof value === 'string') {
    if (!textExceeds(value, ATTRIBUTE_VALUE_BYTES_MAX)) return
    tooLong(problems, memberField(field, key), `${ATTRIBUTE_VALUE_BYTES_MAX} bytes`, kindOf(value))
  } else if (typeof value === 'object' && key !== PREFERENCES && jsonExceeds(value, ATTRIBUTE_VALUE_BYTES_MAX)) {
    const kind = `${jsonBytes(value)} bytes of JSON`
    tooLong(problems, memberField(field, key), `${ATTRIBUTE_VALUE_BYTES_MAX} bytes`, kind)
  }
}
