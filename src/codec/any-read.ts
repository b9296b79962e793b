// Reads messages of any-write.ts with msgpackr's reader: MessagePack, records and the limits against forged lengths are its; the extension types
// are ours, and all that it brings itself are switched off. The variant is the one that generates no code.

import { makeMsgpackr, type Unpackr } from 'msgpackr/unpack-no-eval'
import type { Arena } from '../arena.js'
import { MillraceError, typeError } from '../errors.js'
import * as kinds from './any-kinds.js'
import { sharedIn } from './handle.js'

/** Extension types that the library brings. */
const FOREIGN_TYPES = [0x42, 0x62, 0x65, 0x69, 0x70, 0x73, 0x74, 0x78, 0xff]

// What can only be put in place when all is read, since the objects around are made after those within.
class Reference {
  constructor(readonly index: unknown) {}
}
class Rest {
  constructor(readonly flat: unknown[]) {}
}
class Sealed {
  constructor(readonly bytes: Uint8Array) {}
}
class Alias {
  constructor(readonly parts: unknown[]) {}
}

let unfinished = false

function damaged(): never {
  throw typeError('a part is not what it says')
}

function list(value: unknown, length?: number): unknown[] {
  if (!Array.isArray(value) || (length !== undefined && value.length !== length)) damaged()
  return value
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : damaged()
}

/** Sets an own property, `__proto__` too. */
function set(target: object, key: PropertyKey, value: unknown): void {
  if (key === '__proto__') hide(target, key, value, true)
  else (target as Record<PropertyKey, unknown>)[key] = value
}

function hide(target: object, key: PropertyKey, value: unknown, enumerable = false): void {
  Object.defineProperty(target, key, { value, writable: true, enumerable, configurable: true })
}

function view(kind: unknown, buffer: ArrayBuffer, offset?: number, length?: number): object {
  if (kind === kinds.BUFFER) return buffer
  if (kind === kinds.DATA_VIEW) return new DataView(buffer, offset, length)
  const name = typeof kind === 'number' ? kinds.VIEWS[kind] : undefined
  const type = name && (globalThis as unknown as Record<string, typeof Uint8Array>)[name]
  return type ? new type(buffer, offset, length) : damaged()
}

function error(value: unknown): Error {
  const [kind, name, message, stack, presence, cause, errors] = list(value, 7)
  const type = (typeof kind === 'number' ? kinds.ERRORS[kind] : undefined) as ErrorConstructor | undefined
  if (type === undefined) damaged()
  const made = (type as unknown) === AggregateError ? new AggregateError([]) : new type()
  if (name !== undefined) hide(made, 'name', text(name))
  if (message !== undefined) hide(made, 'message', text(message))
  hide(made, 'stack', stack === undefined ? stack : text(stack))
  if ((presence as number) & 1) hide(made, 'cause', cause)
  if ((presence as number) & 2) hide(made, 'errors', errors)
  return made
}

const readers: Record<number, (value: unknown) => unknown> = {
  [kinds.REFERENCE](value) {
    unfinished = true
    return new Reference(value)
  },
  [kinds.REST](value) {
    unfinished = true
    return new Rest(list(value))
  },
  [kinds.ALIAS](value) {
    unfinished = true
    return new Alias(list(value, 4))
  },
  [kinds.UTF16](value) {
    if (!(value instanceof Uint8Array)) damaged()
    let result = ''
    for (let i = 0; i + 1 < value.length; i += 2) result += String.fromCharCode(value[i]! + 256 * value[i + 1]!)
    return result
  },
  [kinds.OBJECT](value) {
    const flat = list(value)
    const made = {}
    for (let i = 0; i + 1 < flat.length; i += 2) set(made, text(flat[i]), flat[i + 1])
    return made
  },
  [kinds.MAP](value) {
    const flat = list(value)
    const made = new Map()
    for (let i = 0; i + 1 < flat.length; i += 2) made.set(flat[i], flat[i + 1])
    return made
  },
  [kinds.SET]: (value) => new Set(list(value)),
  [kinds.DATE]: (value) => (typeof value === 'number' ? new Date(value) : damaged()),
  [kinds.BIGINT](value) {
    const digits = text(value)
    if (!/^-?[0-9a-f]+$/.test(digits)) damaged()
    return digits[0] === '-' ? -BigInt(`0x${digits.slice(1)}`) : BigInt(`0x${digits}`)
  },
  [kinds.REGEXP](value) {
    const [source, flags] = list(value, 2)
    return new RegExp(text(source), text(flags))
  },
  [kinds.ERROR]: error,
  [kinds.BOXED]: (value) => (typeof value !== 'object' && value !== undefined ? Object(value) : damaged()),
  [kinds.SHARED](value) {
    if (!(value instanceof Uint8Array)) damaged()
    unfinished = true
    return new Sealed(value)
  },
  [kinds.BYTES](value) {
    const [kind, bytes] = list(value, 2)
    // The library has made this copy for us alone.
    return bytes instanceof Uint8Array ? view(kind, bytes.buffer as ArrayBuffer) : damaged()
  },
}

/** Puts references, holes and aliases in their places: walks the objects in the order in which the writer numbered them. */
class Linker {
  private readonly met: unknown[] = []

  constructor(private readonly arena: Arena | undefined) {}

  link(value: unknown): unknown {
    if (typeof value !== 'object' || value === null) return value
    if (value instanceof Reference) return this.at(value.index)
    if (value instanceof Alias) return this.alias(value.parts)
    if (value instanceof Rest) damaged()
    if (value instanceof Sealed) return this.opened(value)
    this.met.push(value)
    if (Array.isArray(value)) this.array(value)
    else if (value instanceof Map) this.map(value)
    else if (value instanceof Set) this.set(value)
    else if (value instanceof Error) {
      for (const key of ['cause', 'errors'] as const) {
        if (Object.hasOwn(value, key)) hide(value, key, this.link((value as AggregateError)[key]))
      }
    } else if (ArrayBuffer.isView(value)) this.met.push(value.buffer)
    else if (Object.getPrototypeOf(value) === Object.prototype) {
      for (const key of Object.keys(value)) {
        const old = (value as Record<string, unknown>)[key]
        const linked = this.link(old)
        if (linked !== old) set(value, key, linked)
      }
    }
    return value
  }

  private opened({ bytes }: Sealed): unknown {
    if (this.arena === undefined) throw typeError('it holds millrace objects, and these bytes belong to no arena')
    const opened = sharedIn(bytes, this.arena)
    this.met.push(opened)
    return opened
  }

  private at(index: unknown): unknown {
    const { met } = this
    return typeof index === 'number' && index >>> 0 === index && index < met.length ? met[index] : damaged()
  }

  private alias([kind, index, offset, length]: unknown[]): unknown {
    const buffer = this.at(index)
    if (!(buffer instanceof ArrayBuffer) || kind === kinds.BUFFER) damaged()
    const made = view(kind, buffer, offset as number, length as number)
    this.met.push(made)
    return made
  }

  private array(array: unknown[]): void {
    const { length } = array
    for (let i = 0; i < length; i++) {
      const old = array[i]
      if (old instanceof Rest && i === length - 1) this.rest(array, old.flat)
      else {
        const linked = this.link(old)
        if (linked !== old) array[i] = linked
      }
    }
  }

  private rest(array: unknown[], flat: unknown[]): void {
    const length = flat[0] as number
    array.length--
    // V8 sets aside room for up to 32 million elements, if they are not too many to be thought of.
    if (length > array.length + 1000) array.length = 2 ** 32 - 1
    array.length = length
    for (let i = 1; i + 1 < flat.length; i += 2) {
      const key = flat[i]
      if (typeof key !== 'string' && typeof key !== 'number') damaged()
      set(array, key, this.link(flat[i + 1]))
    }
    if (array.length !== length) damaged()
  }

  private map(map: Map<unknown, unknown>): void {
    const entries = [...map]
    map.clear()
    for (const [key, item] of entries) {
      const linked = this.link(key)
      map.set(linked, this.link(item))
    }
  }

  private set(items: Set<unknown>): void {
    const old = [...items]
    items.clear()
    for (const item of old) items.add(this.link(item))
  }
}

let unpackr: Unpackr | undefined

function load(): Unpackr {
  const library = makeMsgpackr()
  for (const type of FOREIGN_TYPES) library.addExtension({ type, unpack: damaged })
  for (const [type, read] of Object.entries(readers)) library.addExtension({ type: Number(type), read })
  Object.freeze(library.C1) // what it makes of a byte that MessagePack does not use; one object for all messages
  return new library.Unpackr({ useRecords: false, mapsAsObjects: true, copyBuffers: true })
}

/** Lets go of the last message, which the library would keep. */
export function forget(): void {
  read(Uint8Array.of(0xc0), 1)
}

/** The value in the first `length` bytes. They may be anything: what is no message is a TypeError. */
export function read(bytes: Uint8Array, length: number, arena?: Arena): unknown {
  unpackr ??= load()
  unfinished = false
  try {
    const value = unpackr.unpack(bytes, length)
    return unfinished ? new Linker(arena).link(value) : value
  } catch (error) {
    // That a millrace object is no more, or there is no room to open it, is no damage.
    if (error instanceof MillraceError) throw error
    throw typeError(`these bytes are no message of any (${(error as Error).message})`)
  }
}
