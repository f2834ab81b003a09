/** Colours, where the stream shows them (a terminal, without NO_COLOR). */
import type { WriteStream } from 'node:tty'
import { styleText } from 'node:util'

import type { Actor } from '../result.ts'

export type Colour = 'green' | 'red' | 'yellow' | 'cyan' | 'dim' | 'bold'

export type Paint = (colour: Colour, text: string) => string

export function painterFor(stream: NodeJS.WritableStream | WriteStream): Paint {
  return (colour, text) => styleText(colour, text, { stream })
}

export const COLOUR_OF: Readonly<Record<Actor, Colour>> = {
  shop: 'bold',
  'Customer.io': 'yellow',
  Holdfast: 'green',
  'customerio-node': 'cyan',
}
