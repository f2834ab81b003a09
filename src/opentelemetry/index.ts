/** The public names of `holdfast/opentelemetry`. */
export { instrument } from './instrument.ts'
export type { Instrumentation, InstrumentOptions } from './instrument.ts'
