// The two kinds of numbers that the baseline carries, under the names that millrace uses.

export interface Codec {
  readonly name: 'i32' | 'f64'
  readonly bytes: number
}

export type NumberArray = Int32Array<ArrayBufferLike> | Float64Array<ArrayBufferLike>

export const i32: Codec = { name: 'i32', bytes: 4 }
export const f64: Codec = { name: 'f64', bytes: 8 }

/** The values of one kind in a shared buffer, seen as an array. */
export function viewOf(codec: Codec, buffer: SharedArrayBuffer): NumberArray {
  return codec.name === 'i32' ? new Int32Array(buffer) : new Float64Array(buffer)
}

/** How far a word index is shifted right to index an array of this kind. */
export function indexShift(codec: Codec): 0 | 1 {
  return codec.bytes === 8 ? 1 : 0
}
