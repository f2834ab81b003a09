/** Relationships, both directions. A field that the description does not name stays with its relationship. */
import type { Relationship } from './call.ts'
import { asObject, type Mutable, optionalObject, type Problems, requiredObject, residue, wrongType } from './fields.ts'
import type { JsonObject } from './json.ts'

const NAMED: ReadonlySet<string> = new Set(['identifiers', 'relationship_attributes'])

export function decodeRelationships(value: unknown, problems: Problems, field: string): readonly Relationship[] {
  if (Array.isArray(value)) return value.map((item, index) => decodeOne(item, problems, `${field}[${index}]`))
  wrongType(problems, field, 'an array', value)
  return []
}

export function encodeRelationships(relationships: readonly Relationship[]): readonly JsonObject[] {
  return relationships.map((relationship) => ({
    ...relationship.extra,
    identifiers: relationship.identifiers,
    ...(relationship.relationshipAttributes && { relationship_attributes: relationship.relationshipAttributes }),
  }))
}

function decodeOne(value: unknown, problems: Problems, field: string): Relationship {
  const item = asObject(value)
  if (item === undefined) {
    wrongType(problems, field, 'an object', value)
    return { identifiers: {} }
  }
  const relationship: Mutable<Relationship> = {
    identifiers: requiredObject(item, 'identifiers', problems, `${field}.identifiers`),
  }
  const attributes = optionalObject(item, 'relationship_attributes', problems, `${field}.relationship_attributes`)
  if (attributes !== undefined) relationship.relationshipAttributes = attributes
  const extra = residue(item, NAMED)
  if (extra !== undefined) relationship.extra = extra
  return relationship
}
