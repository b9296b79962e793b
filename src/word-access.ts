// How the values of fixed-size codecs go into words of 64 bits, and come back.

import type { Arena } from './arena.js'
import type { Codec } from './codec/index.js'

/** The exports of the core that push a value, each for values of one shape. They return a status. */
export interface Pushes {
  push32(value: number): number
  pushF32(value: number): number
  pushF64(value: number): number
  push64(value: bigint): number
}

/** How values of the codec are pushed, and read where the core leaves what it has taken. */
export function wordAccess<T>(
  arena: Arena,
  codec: Codec<T>,
  pushes: Pushes,
): [push: (value: T) => number, read: () => T] {
  const { push32, pushF32, pushF64, push64 } = pushes
  const { valueAt, memory } = arena
  const at = new DataView(memory.buffer, valueAt, 8)
  const pair = (push: (value: never) => number, read: () => unknown): [(value: T) => number, () => T] => [
    push as unknown as (value: T) => number,
    read as () => T,
  ]
  switch (codec.name) {
    case 'f64':
      return pair(pushF64, () => at.getFloat64(0, true))
    case 'f32':
      return pair(pushF32, () => at.getFloat32(0, true))
    case 'i64':
      return pair(push64, () => at.getBigInt64(0, true))
    case 'u64':
      return pair(push64, () => at.getBigUint64(0, true))
    case 'u32':
      return pair(push32, () => at.getUint32(0, true))
    case 'bool':
      return pair(
        (value) => push32(Number(value)),
        () => at.getInt32(0, true) === 1,
      )
    case 'unit':
      return pair(
        () => push32(0),
        () => undefined,
      )
    default:
      return pair(push32, () => at.getInt32(0, true))
  }
}
