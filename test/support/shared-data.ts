// What tests of atomic values and maps have in common: codecs of all kinds with values from numbers, and arenas that must be empty in the end.

import {
  type AnyCodec,
  Arena,
  any,
  array,
  bool,
  bytes,
  defineCodec,
  f32,
  f64,
  fixedString,
  i32,
  i64,
  string,
  struct,
  tuple,
  u8,
  u32,
  u64,
} from 'millrace'
import { afterEach, expect } from 'vitest'
import { until } from './probe.js'

/** Runs a function of the program on both ways. */
export const own = defineCodec<{ n: number }>({
  name: 'test/own',
  measure: () => 16,
  encode: ({ n }, _, view) => {
    view.setFloat64(0, n)
    return 8
  },
  decode: (_, view) => ({ n: view.getFloat64(0) }),
})

export interface Sort {
  name: string
  codec: AnyCodec<never>
  /** Different numbers from 0 to 63 make different values (of bool: even and odd ones). */
  value: (n: number) => unknown
}

const sort = (codec: unknown, value: Sort['value']): Sort => ({
  name: (codec as AnyCodec).name,
  codec: codec as AnyCodec<never>,
  value,
})

export const sorts: Sort[] = [
  sort(u32, (n) => 2 ** 32 - 1 - n),
  sort(i32, (n) => -n),
  sort(f64, (n) => n + 0.5),
  sort(f32, (n) => n / 4),
  sort(bool, (n) => n % 2 === 1),
  sort(i64, (n) => -BigInt(n)),
  sort(u64, (n) => 2n ** 64n - 1n - BigInt(n)),
  sort(u8, (n) => n),
  sort(string, (n) => 'ü'.repeat(n * 7) + n),
  sort(bytes, (n) => new Uint8Array(n * 40).fill(n)),
  sort(any(), (n) => ({ n, list: [n, 'x'], at: new Date(n) })),
  sort(struct({ id: u32, tag: fixedString(8) }), (n) => ({ id: n, tag: `t${n}` })),
  sort(tuple(string, array(u32, 2)), (n) => [`${n}`, [n, n + 1]]),
  sort(own, (n) => ({ n })),
]

/** Makes arenas. After each test nothing may be in use in them but the blocks that threads keep for themselves. */
export function arenas(): (size?: number) => Arena {
  const made: Arena[] = []
  afterEach(async ({ task }) => {
    for (const arena of made.splice(0)) {
      if (task.result?.state === 'fail') continue
      await until(() => inUse(arena) === 0, 'an empty arena', 3000).catch(() => {
        expect(arena.stats().blocks, 'blocks left in the arena').toEqual({})
      })
    }
  })
  return (size = 2 ** 22) => {
    const arena = new Arena({ size })
    made.push(arena)
    return arena
  }
}

/** Bytes in use but for the scratch blocks of threads. */
export function inUse(arena: Arena): number {
  return arena.stats().bytesInUse - 4096 * arena.stats().threads
}
