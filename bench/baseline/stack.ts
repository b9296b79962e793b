// A bounded lock-free stack in plain TypeScript.
//
// Algorithm: two Treiber stacks of node numbers, one of nodes that hold values, one of free nodes (R. K. Treiber, 1986).
// A head packs a tag above a node number in one 32-bit word, because plain TypeScript has no cheap 64-bit exchange:
//
//   head   tag : 32 - bits | node : bits        node 0 means empty
//
// The tag moves with every exchange, so a head that came back to an old node is not taken for the old head. With few tag
// bits a thread that is held up for exactly 2^(32 - bits) exchanges would still be fooled: the price of 32 bits.

import { type Codec, type NumberArray, viewOf } from './codec.js'
import { STACK_FREE, STACK_LINKS, STACK_LIVE } from './layout.js'

export const STACK_CAPACITY_MAX = 65_535

export interface StackHandle {
  readonly kind: 'stack'
  readonly codec: Codec
  readonly capacity: number
  readonly buffer: SharedArrayBuffer
}

function valuesAt(codec: Codec, capacity: number): number {
  const bytes = (STACK_LINKS + capacity + 1) * Int32Array.BYTES_PER_ELEMENT
  return Math.ceil(bytes / codec.bytes)
}

export class Stack {
  readonly handle: StackHandle
  readonly capacity: number
  readonly #words: Int32Array
  readonly #values: NumberArray
  readonly #first: number
  readonly #mask: number
  readonly #tagStep: number

  constructor(codec: Codec, options: { capacity: number })
  constructor(handle: StackHandle)
  constructor(from: Codec | StackHandle, options?: { capacity: number }) {
    const handle = 'kind' in from ? from : create(from, options?.capacity ?? 0)
    const bits = 32 - Math.clz32(handle.capacity)
    this.handle = handle
    this.capacity = handle.capacity
    this.#words = new Int32Array(handle.buffer)
    this.#values = viewOf(handle.codec, handle.buffer)
    this.#first = valuesAt(handle.codec, handle.capacity)
    this.#mask = 2 ** bits - 1
    this.#tagStep = 2 ** bits
  }

  /** False when the stack is full. */
  push(value: number): boolean {
    const node = this.#take(STACK_FREE)
    if (node === 0) return false
    this.#values[this.#first + node] = value // plain: the node is ours until it is on the live list
    this.#put(STACK_LIVE, node)
    return true
  }

  /** Undefined when the stack is empty. */
  pop(): number | undefined {
    const node = this.#take(STACK_LIVE)
    if (node === 0) return undefined
    const value = this.#values[this.#first + node] // plain: the node is ours until it is on the free list
    this.#put(STACK_FREE, node)
    return value
  }

  #take(list: number): number {
    const words = this.#words
    let head = Atomics.load(words, list)
    while (true) {
      const node = head & this.#mask
      if (node === 0) return 0
      const next = Atomics.load(words, STACK_LINKS + node)
      const seen = Atomics.compareExchange(words, list, head, this.#retagged(head, next))
      if (seen === head) return node
      head = seen
    }
  }

  #put(list: number, node: number): void {
    const words = this.#words
    let head = Atomics.load(words, list)
    while (true) {
      Atomics.store(words, STACK_LINKS + node, head & this.#mask)
      const seen = Atomics.compareExchange(words, list, head, this.#retagged(head, node))
      if (seen === head) return
      head = seen
    }
  }

  #retagged(head: number, node: number): number {
    return ((head & ~this.#mask) + this.#tagStep) | node | 0
  }
}

function create(codec: Codec, capacity: number): StackHandle {
  if (!(capacity >= 1 && capacity <= STACK_CAPACITY_MAX)) {
    throw new RangeError(`capacity must be from 1 to ${STACK_CAPACITY_MAX}, got ${capacity}`)
  }
  const buffer = new SharedArrayBuffer((valuesAt(codec, capacity) + capacity + 1) * codec.bytes)
  const words = new Int32Array(buffer)
  for (let node = 1; node < capacity; node++) words[STACK_LINKS + node] = node + 1 // plain: nobody else has it yet
  words[STACK_FREE] = 1
  return { kind: 'stack', codec, capacity, buffer }
}
