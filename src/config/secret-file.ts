/** A secret that stands in a file of its own, as Docker and Kubernetes give it. */
import type { ReadFile } from './files.ts'
import type { ConfigProblem } from './problem.ts'
import type { Setting } from './setting.ts'

/** Far more than any secret has. */
const BYTES_MAX = 8_192

export type SecretText =
  | { readonly value: string; readonly warning: string | null }
  | { readonly problem: Pick<ConfigProblem, 'code' | 'message' | 'hint'> }

export function readSecret(setting: Setting, file: string, readFile: ReadFile): SecretText {
  const read = readFile(file, BYTES_MAX)
  if ('unreadable' in read) {
    return { problem: { code: 'unreadable', message: `the secret's file ${file} cannot be read: ${read.unreadable}` } }
  }
  // An editor, and `echo`, end a file with a line end.
  const value = read.text.replace(/[\r\n]+$/, '')
  if (value.trim() === '') return { problem: { code: 'wrong', message: `the secret's file ${file} is empty` } }
  if (!setting.schema.safeParse(value).success) {
    return {
      problem: {
        code: 'wrong',
        message: `the secret's file ${file} holds what is no secret; it must be ${setting.allowed}`,
        hint: 'the file must hold the secret and nothing else',
      },
    }
  }
  const warning = read.worldReadable ? `every user of this machine can read the secret's file ${file}` : null
  return { value, warning }
}
