// Codecs for values that travel as a message: bytes in a block of the arena.

/** What messages are written to and read from: the arena's memory, or a private buffer. Numbers lie there little-endian. */
export interface Memory {
  readonly u8: Uint8Array
  readonly view: DataView
}

/** How another thread makes the same codec: a name, or a name with what it is made of. Survives JSON. */
export type Schema = string | readonly [string, ...unknown[]]

/** Describes values of type T that travel as messages. */
export interface MessageCodec<T> {
  /** What two ends of a channel must agree on: equal names mean equal bytes. */
  readonly name: string
  readonly shape: 'message'
  readonly schema: Schema
  /** Bytes of every value; undefined where they differ. */
  readonly size: number | undefined
  /**
   * How many bytes `encode` will write at most. Throws a TypeError or RangeError that names codec, value and the path to it (`$.items[3].fn`) if
   * the codec cannot carry the value.
   */
  measure(value: T): number
  /** Writes the value from `at` on and returns where it ends. Never writes at or beyond `limit`, whatever the value does meanwhile: RangeError. */
  encode(value: T, memory: Memory, at: number, limit: number): number
  /** The value between `at` and `end`. Reads nothing outside them, whatever the bytes: TypeError. The value shares nothing with the memory. */
  decode(memory: Memory, at: number, end: number): T
}
