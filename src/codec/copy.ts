// Copies between typed arrays and shared memory. Large ones are left to the platform where it can make them. Engines copy to and from shared memory by words where both sides have the same alignment, and
// else byte by byte, eight times slower: then the way through an aligned private buffer is the shorter one.

import { platform } from '../platform/index.js'

const { native } = platform
/** From so many bytes on the platform's copy is the faster one: its call costs some 80 ns more. */
const LARGE = 2048

const typedArray = Object.getPrototypeOf(Uint8Array.prototype) as object
const getter = <T>(of: object, name: PropertyKey): ((this: unknown) => T) =>
  Object.getOwnPropertyDescriptor(of, name)?.get as (this: unknown) => T

// What a subclass or an own property says is not what `set` copies.
const lengthOf = getter<number>(typedArray, 'byteLength')
const offsetOf = getter<number>(typedArray, 'byteOffset')
const bufferOf = getter<ArrayBuffer | SharedArrayBuffer>(typedArray, 'buffer')
const tagOf = getter<string | undefined>(typedArray, Symbol.toStringTag)

/** Whether it is a Uint8Array (or Buffer), of this realm or another one. */
export function isBytes(value: unknown): value is Uint8Array {
  return tagOf.call(value) === 'Uint8Array'
}

/** How many bytes a Uint8Array really has: 0 if it is detached. */
export function byteLength(bytes: Uint8Array): number {
  return lengthOf.call(bytes)
}

/** Whether the buffer of an empty Uint8Array has been transferred. */
export function isDetached(bytes: Uint8Array): boolean {
  try {
    new Uint8Array(bufferOf.call(bytes))
    return false
  } catch {
    return true
  }
}

/** Arrays up to this length may have no buffer yet, and to ask for it makes one. */
const SMALL = 64
const bounce = new Uint8Array(32768)
const small = Array.from({ length: SMALL + 1 }, (_, n) => bounce.subarray(0, n))

/** Copies the first `length` bytes of `from`, and never more, whatever has become of it since it was measured. */
export function copyIn(to: Uint8Array, at: number, from: Uint8Array, length: number): void {
  if (length === 0) return
  if (length <= SMALL) {
    bounce.set(from)
    to.set(small[length] as Uint8Array, at)
    return
  }
  const buffer = bufferOf.call(from)
  const offset = offsetOf.call(from)
  if (native !== undefined && length >= LARGE) {
    // A view of its own: `from` may have a `length` that lies, or bytes of a buffer that grows.
    native.copy(new Uint8Array(buffer, offset, length), to, at)
    return
  }
  if (((offset ^ at) & 7) === 0 && (buffer as { growable?: boolean }).growable !== true) {
    to.set(from, at)
    return
  }
  const phase = at & 7
  const step = bounce.length - 8
  for (let done = 0; done < length; done += step) {
    const part = Math.min(step, length - done)
    bounce.set(new Uint8Array(buffer, offset + done, part), phase)
    to.set(bounce.subarray(phase, phase + part), at + done)
  }
}

/** A copy with a buffer of its own. */
export function copyOut(from: Uint8Array, at: number, end: number): Uint8Array<ArrayBuffer> {
  const length = end - at
  if (native === undefined || length < LARGE) return from.slice(at, end) as Uint8Array<ArrayBuffer>
  const copy = native.allocate(length)
  native.copy(from.subarray(at, end), copy, 0)
  return copy
}

/** Copies bytes to private memory, from its beginning on. */
export function copyTo(to: Uint8Array, from: Uint8Array, at: number, end: number): void {
  const part = from.subarray(at, end)
  if (native !== undefined && end - at >= LARGE) native.copy(part, to, 0)
  else to.set(part)
}
