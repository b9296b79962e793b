// Runs codecs on memory of both kinds, with a watch on every byte that is not theirs.

import { isDeepStrictEqual } from 'node:util'
import type { Arena, Memory, MessageCodec } from 'millrace'
import { expect } from 'vitest'

/** Bytes around a message that must not change, and must not matter. */
const GUARD = 48
/** Messages begin at multiples of 8. */
const OFFSETS = [0, 8, 56, 1024]

export interface Place extends Memory {
  readonly kind: string
}

const SHARED = 512
const shared = new WebAssembly.Memory({ initial: SHARED, maximum: SHARED, shared: true })
  .buffer as unknown as ArrayBuffer

/** A private buffer, and shared memory, which is the same one each time. */
export function places(bytes: number, arena?: Arena): [Place, Place] {
  const place = (kind: string, buffer: ArrayBuffer): Place => ({
    kind,
    u8: new Uint8Array(buffer, 0, bytes),
    view: new DataView(buffer, 0, bytes),
    ...(arena === undefined ? {} : { arena }),
  })
  return [place('private', new ArrayBuffer(bytes)), place('shared', shared)]
}

/** Whether two values are the same: as messages are, so with prototypes, -0 and NaN. */
export type Same<T> = (a: T, b: T) => boolean

export interface TripOptions<T> {
  same?: Same<T>
  arena?: Arena
  /** What arrives, if it is not what was sent. */
  arrives?: T
}

/** Sends the value by memory of each kind, from several places, and expects it to arrive. Returns how many bytes it took. */
export function trip<T>(codec: MessageCodec<T>, value: NoInfer<T>, options: TripOptions<NoInfer<T>> = {}): number {
  const { same = isDeepStrictEqual, arena } = options
  const expected = 'arrives' in options ? (options.arrives as T) : value
  const bound = codec.measure(value)
  if (codec.size !== undefined) expect(bound).toBe(codec.size)
  let length = -1
  for (const place of places(Math.max(...OFFSETS) + bound + 2 * GUARD, arena)) {
    for (const offset of OFFSETS) {
      const at = GUARD + offset
      const { u8 } = place
      const where = `${codec.name} in ${place.kind} memory at ${at}`
      u8.fill(0xa5)
      const end = codec.encode(value, place, at, at + bound)
      if (end < at || end > at + bound) throw new Error(`${where}: ended at ${end}, beyond ${at + bound}`)
      if (length >= 0 && end - at !== length) throw new Error(`${where}: took ${end - at} bytes, and ${length} before`)
      length = end - at
      expectUntouched(u8, at, at + bound, where)
      const first = codec.decode(place, at, end)
      // What lies around the message does not matter.
      u8.fill(0x5a, 0, at)
      u8.fill(0x5a, end)
      const second = codec.decode(place, at, end)
      const message = u8.slice(at, end)
      u8.fill(0xff, at, end)
      for (const arrived of [first, second]) {
        if (!same(arrived, expected)) {
          expect(arrived).toStrictEqual(expected)
          throw new Error(`${where}: the value arrived changed`)
        }
      }
      if (end > at) {
        // With less room than it needs it says so, and writes nothing beyond.
        u8.fill(0xa5)
        expect(() => codec.encode(value, place, at, end - 1)).toThrow(RangeError)
        expectUntouched(u8, at, end - 1, where)
        u8.set(message, at)
      }
    }
  }
  return length
}

function expectUntouched(u8: Uint8Array, at: number, end: number, where: string): void {
  for (let i = 0; i < u8.length; i++) {
    if (i === at) i = Math.max(i, end)
    if (i < u8.length && u8[i] !== 0xa5) throw new Error(`${where}: wrote at ${i}, outside ${at} to ${end}`)
  }
}

/** The bytes of a value. */
export function encoded<T>(codec: MessageCodec<T>, value: T, arena?: Arena): Uint8Array {
  const bound = codec.measure(value)
  const [place] = places(bound + 8, arena)
  return place.u8.slice(0, codec.encode(value, place, 0, bound))
}

/** The value of some bytes, which lie in shared memory. */
export function decoded<T>(codec: MessageCodec<T>, message: ArrayLike<number>, arena?: Arena): T {
  const [, place] = places(message.length + 72, arena)
  place.u8.fill(0xa5)
  place.u8.set(message, 64)
  return codec.decode(place, 64, 64 + message.length)
}

/** What sending the value throws. */
export function refused(codec: MessageCodec<unknown>, value: unknown, arena?: Arena): Error & { code?: string } {
  try {
    encoded(codec, value, arena)
  } catch (error) {
    return error as Error
  }
  throw new Error(`${codec.name} carried it`)
}

/** What reading the bytes throws. */
export function unreadable(codec: MessageCodec<unknown>, message: ArrayLike<number>, arena?: Arena): Error {
  try {
    decoded(codec, message, arena)
  } catch (error) {
    return error as Error
  }
  throw new Error(`${codec.name} read it`)
}
