// bytes and fixedBytes.

import { runInNewContext } from 'node:vm'
import { bytes, fixedBytes, tuple } from 'millrace'
import { describe, expect, test } from 'vitest'
import { decoded, encoded, places, refused, trip, unreadable } from './support/codecs.js'
import { thrown } from './support/probe.js'

const counted = (length: number): Uint8Array => Uint8Array.from({ length }, (_, i) => i * 7 + 1)

describe('bytes', () => {
  test.each([0, 1, 7, 8, 63, 64, 65, 100, 128, 1000, 4096, 65_536, 70_001, 200_000])('%d of them', (length) => {
    expect(trip(bytes, counted(length))).toBe(length)
  })

  test('from every alignment', () => {
    const whole = counted(100_000)
    for (let offset = 0; offset < 9; offset++) {
      for (const length of [3, 64, 65, 333, 66_000]) trip(bytes, whole.subarray(offset, offset + length))
    }
  })

  test('arrive as a plain Uint8Array with a buffer of their own', () => {
    const message = counted(5000)
    for (const length of [0, 5, 100, 2047, 2048, 5000]) {
      const arrived = decoded(bytes, message.subarray(0, length))
      expect(Object.getPrototypeOf(arrived)).toBe(Uint8Array.prototype)
      expect(arrived.buffer).toBeInstanceOf(ArrayBuffer)
      expect(arrived.byteOffset).toBe(0)
      expect(arrived.buffer.byteLength).toBe(length)
    }
  })

  test.each([3, 64, 65, 5000])('a Buffer, a subclass, shared memory, another realm: %d bytes', (length) => {
    class Sub extends Uint8Array {
      override get byteLength(): number {
        return 1
      }
      override get byteOffset(): number {
        return 1e9
      }
      override subarray(): never {
        throw new Error('nobody asks it')
      }
    }
    const plain = counted(length)
    const shared = new Uint8Array(new SharedArrayBuffer(length + 3), 3)
    shared.set(plain)
    const foreign = runInNewContext('Uint8Array.from(list)', { list: [...plain] }) as Uint8Array
    for (const value of [Buffer.from(plain), Sub.from(plain), shared, foreign]) {
      trip<Uint8Array>(bytes, value, { arrives: plain })
    }
    const own = Object.defineProperty(counted(length), 'length', { value: 2 * length })
    trip<Uint8Array>(bytes, own, { arrives: plain })
  })

  test('of a buffer that shrinks and grows', () => {
    const buffer = new (ArrayBuffer as unknown as new (n: number, o: object) => ArrayBuffer)(200, {
      maxByteLength: 400,
    })
    const value = new Uint8Array(buffer)
    const [place] = places(1024)
    const bound = bytes.measure(value)
    ;(buffer as unknown as { resize(n: number): void }).resize(300)
    place.u8.fill(0xa5)
    expect(thrown(() => bytes.encode(value, place, 64, 64 + bound))).toBeInstanceOf(RangeError)
    expect(place.u8[64 + bound]).toBe(0xa5)
    ;(buffer as unknown as { resize(n: number): void }).resize(100)
    expect(bytes.encode(value, place, 64, 64 + bound)).toBe(164)
    const growable = new (SharedArrayBuffer as unknown as new (n: number, o: object) => SharedArrayBuffer)(70, {
      maxByteLength: 400,
    })
    trip(bytes, new Uint8Array(growable), { arrives: new Uint8Array(70) })
  })

  test('whose buffer has been transferred', () => {
    const value = counted(100)
    const bound = bytes.measure(value)
    structuredClone(value, { transfer: [value.buffer as ArrayBuffer] })
    const message = 'bytes carries Uint8Arrays, not one whose buffer has been transferred'
    expect(refused(bytes, value).message).toBe(message)
    const [place] = places(1024)
    expect(thrown(() => bytes.encode(value, place, 64, 64 + bound)).message).toBe(message)
  })

  test.each([
    ['bytes carries Uint8Arrays, not 5 (a number)', 5],
    ['bytes carries Uint8Arrays, not "text" (a string)', 'text'],
    ['bytes carries Uint8Arrays, not null', null],
    ['bytes carries Uint8Arrays, not undefined', undefined],
    ['bytes carries Uint8Arrays, not an array', [1, 2]],
    ['bytes carries Uint8Arrays, not a ArrayBuffer object', new ArrayBuffer(3)],
    ['bytes carries Uint8Arrays, not a Uint8ClampedArray object', new Uint8ClampedArray(3)],
    ['bytes carries Uint8Arrays, not a Uint8Array object', Object.create(Uint8Array.prototype)],
    ['bytes carries Uint8Arrays, not a DataView object', new DataView(new ArrayBuffer(1))],
    ['bytes carries Uint8Arrays, not function (anonymous)', () => 1],
    ['bytes carries Uint8Arrays, not a Uint8Array object', new Proxy(new Uint8Array(2), {})],
  ])('%s', (message, value) => {
    const error = refused(bytes, value)
    expect(error).toBeInstanceOf(TypeError)
    expect(error.code).toBe('ERR_INVALID_ARG_TYPE')
    expect(error.message).toBe(message)
  })
})

describe('fixedBytes', () => {
  test.each([1, 8, 32, 64, 100, 70_000])('of %d bytes', (length) => {
    const codec = fixedBytes(length)
    expect(codec.name).toBe(`fixedBytes(${length})`)
    expect(codec.size).toBe(length)
    expect(trip(codec, counted(length))).toBe(length)
    trip(codec, counted(length + 1).subarray(1))
  })

  test('of another length', () => {
    for (const length of [0, 3, 5]) {
      const error = refused(fixedBytes(4), counted(length))
      expect(error).toBeInstanceOf(RangeError)
      expect(error.message).toBe(`fixedBytes(4) carries Uint8Arrays of 4 bytes, not of ${length}`)
    }
    expect(refused(tuple(fixedBytes(4)), [counted(3)]).message).toBe(
      '$[0]: fixedBytes(4) carries Uint8Arrays of 4 bytes, not of 3',
    )
    expect(unreadable(fixedBytes(4), [1, 2, 3]).message).toBe(
      'the message is not of fixedBytes(4): it has 3 bytes, not 4',
    )
  })

  test.each([0, -1, 1.5, Number.NaN, 2 ** 30 + 1, Number.POSITIVE_INFINITY])('with a length of %d', (length) => {
    expect(thrown(() => fixedBytes(length))).toBeInstanceOf(RangeError)
  })

  test('with a length that is no number', () => {
    const error = thrown(() => fixedBytes('8' as unknown as number))
    expect(error).toBeInstanceOf(TypeError)
    expect(error.message).toBe('fixedBytes takes a number of bytes, not "8"')
  })
})

test('bytes in tuples begin at multiples of 8', () => {
  const codec = tuple(bytes, bytes, fixedBytes(1))
  const value: [Uint8Array, Uint8Array, Uint8Array] = [counted(3), counted(100), counted(1)]
  expect(trip(codec, value)).toBe(124)
  const message = encoded(codec, value)
  expect([...message.subarray(0, 9)]).toEqual([3, 0, 0, 0, 100, 0, 0, 0, 1])
  expect(message.subarray(16, 19)).toEqual(counted(3))
  expect(message.subarray(24)).toEqual(counted(100))
})
