import type { Setting } from './setting.ts'

/** The environment and flags have texts only: what the file would hold for it. */
export function fromText(setting: Setting, text: string): unknown {
  switch (setting.kind) {
    case 'whole':
    case 'number':
      return /^-?\d+(?:\.\d+)?$/.test(text) ? Number(text) : text
    case 'boolean':
      return text === 'true' ? true : text === 'false' ? false : text
    default:
      return text
  }
}
