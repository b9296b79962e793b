// Which objects `any` carries, told apart by what they are (their internal slots), not by what they say: subclasses and objects of other realms
// count as what structured clone takes them for, and a forged prototype does not. Also the numbers of the extension types in messages.

/** An object with nothing but its properties. */
export const PLAIN = 0
/** An object that structured clone would strip of its class, or refuse. */
export const FOREIGN = -1

// Extension types of messages. What follows them is one MessagePack value; its form is given here.
/** index: the object with that number (objects are numbered as they are first met, from the root down). */
export const REFERENCE = 1
/** [length, key, value, …]: what an array has behind its dense beginning, as its last element. */
export const REST = 2
/** bytes: a string that UTF-8 cannot carry, as UTF-16, little-endian. */
export const UTF16 = 3
/** [key, value, …]: a plain object with an own property `__proto__`. */
export const OBJECT = 4
/** [key, value, …] */
export const MAP = 5
/** [item, …] */
export const SET = 6
/** milliseconds, NaN for an invalid date */
export const DATE = 7
/** hexadecimal digits, with `-` in front if negative: a BigInt of more than 64 bits. */
export const BIGINT = 8
/** [source, flags] */
export const REGEXP = 9
/** [kind, name, message, stack, presence, cause, errors] */
export const ERROR = 10
/** a primitive: the object that wraps it. */
export const BOXED = 11
/** [view, bytes]: a view over all of its own buffer, or a buffer. */
export const BYTES = 12
/** [view, reference to a buffer, offset, length in elements]: a view on a buffer that is in the message. */
export const ALIAS = 13
/** bytes: a millrace object, as the codec `handle` writes it. */
export const SHARED = 14

/** Errors that structured clone keeps the kind of, and AggregateError. Their place here is their number in messages. */
export const ERRORS = [Error, EvalError, RangeError, ReferenceError, SyntaxError, TypeError, URIError, AggregateError]

/** Views by their number in messages; the last but two is a DataView, then a buffer itself. Float16Array only where the platform has it. */
export const VIEWS = [
  'Int8Array',
  'Uint8Array',
  'Uint8ClampedArray',
  'Int16Array',
  'Uint16Array',
  'Int32Array',
  'Uint32Array',
  'Float32Array',
  'Float64Array',
  'BigInt64Array',
  'BigUint64Array',
  'DataView',
  'ArrayBuffer',
  'Float16Array',
]
export const BUFFER = VIEWS.indexOf('ArrayBuffer')
export const DATA_VIEW = VIEWS.indexOf('DataView')

function getter(prototype: object, key: PropertyKey): (this: unknown) => unknown {
  return Object.getOwnPropertyDescriptor(prototype, key)?.get as (this: unknown) => unknown
}

const typedArrayName = getter(Object.getPrototypeOf(Uint8Array.prototype), Symbol.toStringTag)

// Each throws a TypeError for an object that is not of the kind.
const probes: Record<string, [kind: number, probe: (this: unknown) => unknown]> = {
  Map: [MAP, getter(Map.prototype, 'size')],
  Set: [SET, getter(Set.prototype, 'size')],
  Date: [DATE, Date.prototype.getTime as (this: unknown) => unknown],
  RegExp: [REGEXP, RegExp.prototype.toString as (this: unknown) => unknown],
  Number: [BOXED, Number.prototype.valueOf as (this: unknown) => unknown],
  String: [BOXED, String.prototype.valueOf as (this: unknown) => unknown],
  Boolean: [BOXED, Boolean.prototype.valueOf as (this: unknown) => unknown],
  BigInt: [BOXED, BigInt.prototype.valueOf as (this: unknown) => unknown],
  ArrayBuffer: [BYTES, getter(ArrayBuffer.prototype, 'byteLength')],
}

// What most objects are; their probes still run.
const prototypes = new Map<object | null, string>([
  [Map.prototype, 'Map'],
  [Set.prototype, 'Set'],
  [Date.prototype, 'Date'],
  [RegExp.prototype, 'RegExp'],
  [ArrayBuffer.prototype, 'ArrayBuffer'],
])

/** The kind of an object that is neither an array nor has Object.prototype or null as prototype. */
export function kindOf(value: object, prototype: object): number {
  if (ArrayBuffer.isView(value)) return BYTES
  const tag = prototypes.get(prototype) ?? Object.prototype.toString.call(value).slice(8, -1)
  const probe = Object.hasOwn(probes, tag) ? probes[tag] : undefined
  if (probe !== undefined) {
    try {
      probe[1].call(value)
      return probe[0]
    } catch {
      return FOREIGN
    }
  }
  if (tag === 'Error' || value instanceof Error) return ERROR
  // Object.prototype of another realm: Node's own objects within a test runner's sandbox, for one.
  if (Object.getPrototypeOf(prototype) === null && Object.hasOwn(prototype, 'isPrototypeOf')) return PLAIN
  return FOREIGN
}

/** The primitive in an object of the kind BOXED. */
export function unbox(value: object): unknown {
  for (const tag of ['Number', 'String', 'Boolean', 'BigInt']) {
    try {
      return probes[tag]![1].call(value)
    } catch {}
  }
  return undefined
}

/** The number of the view's type in messages, or -1. */
export function viewOf(value: ArrayBufferView): number {
  const name = typedArrayName.call(value)
  return name === undefined ? DATA_VIEW : VIEWS.indexOf(name as string)
}

/** Whether the memory is shared with other threads. */
export function isShared(buffer: ArrayBufferLike): boolean {
  return typeof SharedArrayBuffer !== 'undefined' && buffer instanceof SharedArrayBuffer
}

/** Number of the kind of an error: by its name, as structured clone has it, else by the next native prototype. */
export function errorKind(name: unknown, error: object): number {
  const named = ERRORS.findIndex((each) => each.name === name)
  if (named >= 0) return named
  for (let p: object | null = Object.getPrototypeOf(error); p !== null; p = Object.getPrototypeOf(p)) {
    const kind = ERRORS.findIndex((each) => each.prototype === p)
    if (kind >= 0) return kind
  }
  return 0
}

const WELL_FORMED = /^(?:[^\ud800-\udfff]|[\ud800-\udbff][\udc00-\udfff])*$/
const isWellFormed = (String.prototype as { isWellFormed?: () => boolean }).isWellFormed

/** Whether UTF-8 carries the string: no half of a surrogate pair stands alone, and no byte order mark leads (decoders drop it). */
export function fitsUtf8(text: string): boolean {
  if (text.charCodeAt(0) === 0xfeff) return false
  return isWellFormed === undefined ? WELL_FORMED.test(text) : isWellFormed.call(text)
}
