/** What differs between the workspaces of a relay and those that it shall have. */
import type { WorkspaceSettings } from './options.ts'

/** Names of workspaces. */
export interface Reconfigured {
  readonly added: readonly string[]
  readonly changed: readonly string[]
  readonly removed: readonly string[]
}

export function differencesOf(
  now: readonly WorkspaceSettings[],
  next: readonly WorkspaceSettings[],
): Reconfigured & { readonly clients: readonly string[] } {
  const before = new Map(now.map((settings) => [settings.name, settings]))
  const names = new Set(next.map(({ name }) => name))
  const known = next.filter(({ name }) => before.has(name))
  return {
    added: next.filter(({ name }) => !before.has(name)).map(({ name }) => name),
    changed: known.filter((settings) => !isSame(settings, before.get(settings.name))).map(({ name }) => name),
    removed: now.filter(({ name }) => !names.has(name)).map(({ name }) => name),
    /** Of those that are changed: whose client is another one. The others have other inbound credentials alone. */
    clients: known.filter(({ name, client }) => !isSame(client, before.get(name)?.client)).map(({ name }) => name),
  }
}

/** Whether two options say the same. Functions and instances of classes are the same only where they are one. */
function isSame(one: unknown, other: unknown): boolean {
  if (Object.is(one, other)) return true
  if (typeof one !== 'object' || typeof other !== 'object' || one === null || other === null) return false
  if (!isPlain(one) || !isPlain(other)) return false
  const keys = Object.keys(one)
  return (
    keys.length === Object.keys(other).length &&
    keys.every((key) => Object.hasOwn(other, key) && isSame(Reflect.get(one, key), Reflect.get(other, key)))
  )
}

function isPlain(value: object): boolean {
  return Array.isArray(value) || Object.getPrototypeOf(value) === Object.prototype
}
