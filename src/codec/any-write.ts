// Writes a value as MessagePack in one pass over it: every property is read once, what cannot be carried is refused with its path, and what
// MessagePack lacks is written as the extension types of any-kinds.ts. The reader (any-read.ts) is msgpackr's; why the writer is not, see docs/any.md.

import { rangeError, typeError } from '../errors.js'
import type { Shared } from '../handle.js'
import * as kinds from './any-kinds.js'
import { Output, SLACK } from './any-output.js'
import { ENTRIES, MAP_KEYS, name, PROPERTIES, pathOf } from './any-path.js'
import { handleBytes, isShared } from './handle.js'

/** Objects within objects: about what structured clone bears. The receiver must be able to read it on the smallest stack. */
export const MAX_DEPTH = 1000

/** Objects that are looked for one by one; more of them are looked up in a Map. */
const FEW = 16
const MAX_SHAPES = 16
const MAX_SHAPE_KEYS = 32

interface Lengthy {
  readonly byteLength: number
  readonly byteOffset: number
  readonly buffer: ArrayBufferLike
  readonly length?: number
}

function sameKeys(a: readonly string[], b: readonly string[]): boolean {
  for (let i = a.length - 2; i >= 0; i--) if (a[i] !== b[i]) return false
  return true
}

/** Whether a key is `__proto__`, which readers take for the prototype. */
function hasProto(keys: readonly string[]): boolean {
  for (let i = 0; i < keys.length; i++) if (keys[i] === '__proto__') return true
  return false
}

export class Writer extends Output {
  /** Set while a value is being written: its getters may run anything, another message too. */
  busy = false
  /** The memory of the millrace objects in the message, if there are any. */
  memory: WebAssembly.Memory | undefined
  // Objects in the order they were met; their place is their number. All of them are in `numbers` once they are many.
  private readonly met: unknown[] = new Array(FEW).fill(undefined)
  private count = 0
  private numbers: Map<unknown, number> | null = null
  // Lists of keys that occurred in this message: the second time one gets a number, and from then on is not written again.
  private readonly shapes: (readonly string[])[] = []
  private readonly defined: boolean[] = []
  private shapeCount = 0
  // The way to the value at hand: a key for each level, and what it is a key of.
  private readonly trail: (string | number)[] = []
  private readonly levels: number[] = []

  /** Writes the value to `bytes` and returns how many they are. */
  write(value: unknown): number {
    this.busy = true
    this.memory = undefined
    this.pos = 0
    try {
      this.value(value, 0)
    } finally {
      this.busy = false
      for (let i = Math.min(this.count, FEW); i-- > 0; ) this.met[i] = undefined
      this.count = 0
      this.numbers = null
      this.shapeCount = 0
    }
    return this.pos
  }

  private value(value: unknown, depth: number): void {
    if (this.pos > this.safe) this.reserve(0)
    switch (typeof value) {
      case 'string':
        this.string(value)
        return
      case 'number':
        this.number(value)
        return
      case 'object':
        if (value === null) this.bytes[this.pos++] = 0xc0
        else this.object(value, depth)
        return
      case 'boolean':
        this.bytes[this.pos++] = value ? 0xc3 : 0xc2
        return
      case 'undefined':
        this.tag(0)
        return
      case 'bigint':
        this.bigint(value)
        return
      default:
        throw this.refuse(value, depth)
    }
  }

  private object(value: object, depth: number): void {
    const number = this.meet(value)
    if (number >= 0) {
      this.tag(kinds.REFERENCE)
      this.number(number)
    } else if (depth >= MAX_DEPTH) {
      throw rangeError(
        `any carries values nested up to ${MAX_DEPTH} levels deep, not ${pathOf(this.trail, this.levels, depth)}`,
      )
    } else if (Array.isArray(value)) {
      this.array(value, depth)
    } else {
      const prototype = Object.getPrototypeOf(value)
      if (prototype === Object.prototype || prototype === null) this.plain(value as Record<string, unknown>, depth)
      else this.special(value, prototype, depth)
    }
  }

  /** The number of an object met before; otherwise gives it one and returns -1. */
  private meet(value: unknown): number {
    const { met, count } = this
    if (this.numbers !== null) {
      const number = this.numbers.get(value)
      if (number !== undefined) return number
      this.numbers.set(value, this.count++)
      return -1
    }
    for (let i = 0; i < count; i++) if (met[i] === value) return i
    if (count < FEW) met[count] = value
    else {
      this.numbers = new Map()
      for (let i = 0; i < FEW; i++) this.numbers.set(met[i], i)
      this.numbers.set(value, count)
    }
    this.count++
    return -1
  }

  private plain(value: Record<string, unknown>, depth: number): void {
    const keys = Object.keys(value)
    const n = keys.length
    const odd = hasProto(keys)
    if (n > 0 && n <= MAX_SHAPE_KEYS && !odd && this.shape(keys)) {
      for (let i = 0; i < n; i++) {
        this.trail[depth] = keys[i]!
        this.levels[depth] = PROPERTIES
        this.value(value[keys[i]!], depth + 1)
      }
      return
    }
    if (odd) {
      this.tag(kinds.OBJECT)
      this.header(2 * n, 0x90, 0xdc)
    } else this.header(n, 0x80, 0xde)
    for (let i = 0; i < n; i++) {
      const key = keys[i]!
      this.string(key)
      this.trail[depth] = key
      this.levels[depth] = PROPERTIES
      this.value(value[key], depth + 1)
    }
  }

  /** Whether the keys were met before in this message. Then they have been written as a number, and only the values are left to write. */
  private shape(keys: readonly string[]): boolean {
    const { shapes, shapeCount } = this
    const n = keys.length
    const last = keys[n - 1]
    for (let i = 0; i < shapeCount; i++) {
      const shape = shapes[i]!
      if (shape.length !== n || shape[n - 1] !== last || !sameKeys(shape, keys)) continue
      if (!this.defined[i]) {
        this.defined[i] = true
        this.bytes[this.pos++] = 0xd4
        this.bytes[this.pos++] = 0x72 // msgpackr's definition of a record, for the rest of the message
        this.bytes[this.pos++] = 0x40 + i
        this.header(n, 0x90, 0xdc)
        for (const key of keys) this.string(key)
      } else this.bytes[this.pos++] = 0x40 + i
      return true
    }
    if (shapeCount < MAX_SHAPES) {
      shapes[shapeCount] = keys
      this.defined[shapeCount] = false
      this.shapeCount++
    }
    return false
  }

  private array(value: readonly unknown[], depth: number): void {
    const start = this.pos
    const n = value.length
    const wide = n < 15 ? 1 : n < 0xffff ? 3 : 5
    this.pos += wide
    let count = 0
    for (; count < n; count++) {
      const item = value[count]
      if (item === undefined && !Object.hasOwn(value, count)) break
      this.trail[depth] = count
      this.levels[depth] = PROPERTIES
      this.value(item, depth + 1)
    }
    // A hole, or the match of a regular expression: the arrays with properties that the language itself makes.
    const rest = count < n || (value as { index?: unknown }).index !== undefined
    if (rest) this.rest(value, count, n, depth)
    if (rest) count++
    if (wide === 1) this.bytes[start] = 0x90 + count
    else if (wide === 3) {
      this.bytes[start] = 0xdc
      this.view.setUint16(start + 1, count)
    } else {
      this.bytes[start] = 0xdd
      this.view.setUint32(start + 1, count)
    }
  }

  private rest(value: readonly unknown[], from: number, length: number, depth: number): void {
    const flat: unknown[] = [length]
    for (const key of Object.keys(value)) {
      const index = Number(key) >>> 0
      const isIndex = String(index) === key && index < length
      if (isIndex && index < from) continue
      flat.push(isIndex ? index : key, value[key as unknown as number])
    }
    this.reserve(SLACK)
    this.tag(kinds.REST)
    this.pairs(flat, 1, depth, PROPERTIES)
  }

  /** An array of what is in `flat`: before `from` numbers, then keys and values. */
  private pairs(flat: readonly unknown[], from: number, depth: number, level: number): void {
    this.header(flat.length, 0x90, 0xdc)
    for (let i = 0; i < from; i++) this.number(flat[i] as number)
    for (let i = from; i < flat.length; i += 2) {
      const key = flat[i]
      const isName = typeof key === 'string' || level === PROPERTIES
      this.trail[depth] = isName ? (key as string) : (i - from) / 2
      this.levels[depth] = isName ? level : MAP_KEYS
      this.value(key, depth + 1)
      this.levels[depth] = level
      this.value(flat[i + 1], depth + 1)
    }
  }

  private special(value: object, prototype: object, depth: number): void {
    switch (kinds.kindOf(value, prototype)) {
      case kinds.MAP: {
        const flat: unknown[] = []
        for (const [key, item] of Map.prototype.entries.call(value as Map<unknown, unknown>)) flat.push(key, item)
        this.tag(kinds.MAP)
        this.pairs(flat, 0, depth, ENTRIES)
        return
      }
      case kinds.SET: {
        const items = [...Set.prototype.values.call(value as Set<unknown>)]
        this.tag(kinds.SET)
        this.header(items.length, 0x90, 0xdc)
        for (let i = 0; i < items.length; i++) {
          this.trail[depth] = i
          this.levels[depth] = ENTRIES
          this.value(items[i], depth + 1)
        }
        return
      }
      case kinds.DATE:
        this.tag(kinds.DATE)
        this.number(Date.prototype.getTime.call(value as Date))
        return
      case kinds.REGEXP:
        this.tag(kinds.REGEXP)
        this.header(2, 0x90, 0xdc)
        this.string(String((value as RegExp).source))
        this.reserve(SLACK)
        this.string(String((value as RegExp).flags))
        return
      case kinds.BYTES:
        this.binary(value as ArrayBuffer | ArrayBufferView, depth)
        return
      case kinds.ERROR:
        this.error(value as Error, depth)
        return
      case kinds.BOXED:
        this.tag(kinds.BOXED)
        this.value(kinds.unbox(value), depth)
        return
      case kinds.PLAIN:
        this.plain(value as Record<string, unknown>, depth)
        return
      default:
        if (!isShared(value)) throw this.refuse(value, depth)
        this.shared(value as Shared<unknown>)
    }
  }

  /** A millrace object: where it is. */
  private shared(value: Shared<unknown>): void {
    const { memory, bytes } = handleBytes(value)
    if (this.memory !== undefined && this.memory !== memory)
      throw typeError('any carries millrace objects of one arena in one message: make them with the same { arena }')
    this.memory = memory
    this.tag(kinds.SHARED)
    this.blob(bytes)
  }

  private error(error: Error, depth: number): void {
    const { name, stack } = error
    const kind = kinds.errorKind(name, error)
    const message =
      Object.hasOwn(error, 'message') || !(error instanceof Error) ? String(error.message) : inherited(error)
    const hasCause = Object.hasOwn(error, 'cause')
    const hasErrors = Object.hasOwn(error, 'errors') && error instanceof AggregateError
    this.tag(kinds.ERROR)
    this.bytes[this.pos++] = 0x97
    this.number(kind)
    this.value(typeof name === 'string' && name !== kinds.ERRORS[kind]!.name ? name : undefined, depth)
    this.value(message, depth)
    this.value(typeof stack === 'string' ? stack : undefined, depth)
    this.value((hasCause ? 1 : 0) + (hasErrors ? 2 : 0), depth)
    this.levels[depth] = PROPERTIES
    this.trail[depth] = 'cause'
    this.value(hasCause ? error.cause : undefined, depth + 1)
    this.levels[depth] = PROPERTIES
    this.trail[depth] = 'errors'
    this.value(hasErrors ? (error as AggregateError).errors : undefined, depth + 1)
  }

  private binary(value: ArrayBuffer | ArrayBufferView, depth: number): void {
    const isView = ArrayBuffer.isView(value)
    const kind = isView ? kinds.viewOf(value) : kinds.BUFFER
    if (kind < 0) throw this.refuse(value, depth)
    const { buffer, byteOffset, byteLength, length } = (isView ? value : new Uint8Array(value)) as Lengthy
    if (kinds.isShared(buffer)) {
      throw typeError(
        `any carries copies, and the memory of ${name(value)} at ${pathOf(this.trail, this.levels, depth)} is shared: copy it`,
      )
    }
    const bytes = new Uint8Array(buffer, byteOffset, byteLength)
    if (isView) {
      // Views that belong together share their buffer at the other end too, if the first of them covers all of it: a small view on a large
      // buffer (Node's pool of Buffers, for one) brings its own bytes and nothing else.
      const whole = byteLength === buffer.byteLength && !isBuffer(value)
      const known = whole || this.knows(buffer) ? this.meet(buffer) : -2
      if (known >= 0) {
        this.tag(kinds.ALIAS)
        this.bytes[this.pos++] = 0x94
        this.number(kind)
        this.number(known)
        this.number(byteOffset)
        this.number(length ?? byteLength)
        return
      }
      if (known === -2) this.count++
    }
    this.tag(kinds.BYTES)
    this.bytes[this.pos++] = 0x92
    this.number(kind)
    this.blob(bytes)
  }

  private knows(buffer: ArrayBufferLike): boolean {
    return this.numbers !== null ? this.numbers.has(buffer) : this.met.indexOf(buffer) >= 0
  }

  private refuse(value: unknown, depth: number): TypeError {
    return typeError(`any carries plain data, not ${name(value)} (at ${pathOf(this.trail, this.levels, depth)})`)
  }
}

function inherited(error: Error): string | undefined {
  // DOMException has its message on the prototype, as a getter.
  const { message } = error
  return typeof message === 'string' && message !== '' ? message : undefined
}

/** Node's Buffer, and other views of a class of their own: they often lie in a buffer that is not theirs. */
function isBuffer(view: ArrayBufferView): boolean {
  return Object.getPrototypeOf(Object.getPrototypeOf(view)) === Uint8Array.prototype
}
