// Channels and all else that has a handle, within messages of any.

import { Arena, any, Counter, channel, f64 } from 'millrace'
import { describe, expect, test } from 'vitest'

describe('millrace objects', () => {
  const small = new Arena({ size: 2 ** 20 })

  test('arrive opened, wherever they are in the message, each as one object', async () => {
    using ch = channel<unknown>(any(), { capacity: 2, arena: small })
    using numbers = channel(f64, { capacity: 1, arena: small })
    using count = new Counter({ arena: small })
    const error = new Error('with an object', { cause: numbers })
    const message: Record<string, unknown> = {
      numbers,
      // biome-ignore lint/suspicious/noSparseArray: holes go with objects, too
      again: [numbers, , numbers.receiver],
      map: new Map<unknown, unknown>([[numbers, new Set([count])]]),
      error,
      after: { a: 1, b: 'text' },
    }
    message.self = message
    ch.trySend(message)
    // biome-ignore lint/suspicious/noExplicitAny: what was received
    const got = ch.tryReceive() as any
    expect(got.self).toBe(got)
    expect(got.numbers).toBeInstanceOf(numbers.constructor)
    expect(got.again[0]).toBe(got.numbers)
    expect([got.again.length, 1 in got.again, got.after]).toEqual([3, false, { a: 1, b: 'text' }])
    expect(got.error.cause).toBe(got.numbers)
    expect([...got.map.keys()]).toEqual([got.numbers])
    const [counter] = [...got.map.values()].flatMap((set) => [...set])
    counter.add(2)
    expect(count.value).toBe(2)
    got.numbers.trySend(7)
    expect(got.again[2].tryReceive()).toBe(7)
    expect(numbers.length).toBe(0)
    ch.trySend(numbers.sender)
    expect(ch.tryReceive()).toMatchObject({ capacity: 1 })
  })

  test('of another arena, disposed of, or read from bytes of no arena: refused with words', () => {
    using ch = channel<unknown>(any(), { capacity: 1, arena: small })
    using other = channel(f64)
    expect(() => ch.trySend({ other })).toThrow(/one is in another: make both with the same \{ arena \}/)
    const gone = channel(f64, { arena: small })
    ch.trySend([gone])
    gone.dispose()
    expect(() => ch.tryReceive()).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
    expect(() => ch.trySend([gone])).toThrow(expect.objectContaining({ code: 'ERR_STALE_HANDLE' }))
    const u8 = new Uint8Array(200)
    const memory = { u8, view: new DataView(u8.buffer) }
    any().measure(other)
    expect(() => any().encode(other, memory, 0, 200)).toThrow(TypeError)
  })
})
