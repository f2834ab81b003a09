/** The flags of a command line as a layer. */
import { emptyLayer, say, type Layer } from './layer.ts'
import { settingRows } from './rows.ts'
import { fromText } from './text-value.ts'

/** By a row's `attribute`: `{ listenPort: '8484' }`. Others are the program's own and left alone. */
export type Flags = Readonly<Record<string, unknown>>

export function flagLayer(flags: Flags, folder: string): Layer {
  const layer = emptyLayer()
  for (const { scope, path, flag, attribute, setting, secretFile } of settingRows) {
    if (flag === null || attribute === null || !Object.hasOwn(flags, attribute)) continue
    const value = flags[attribute]
    if (value === undefined) continue
    const raw = typeof value === 'string' && !secretFile ? fromText(setting, value) : value
    say(scope === 'only' ? layer.only : layer.given, layer.problems, {
      path: secretFile ? path.slice(0, -'File'.length) : path,
      setting,
      secretFile,
      raw,
      origin: { source: 'flag', where: flag },
      folder,
    })
  }
  return layer
}
