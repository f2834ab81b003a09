/** JSON as a type: what a call's data is once it has been checked (`plain.ts`). */
export type JsonValue = null | boolean | number | string | readonly JsonValue[] | JsonObject

export interface JsonObject {
  readonly [key: string]: JsonValue
}
