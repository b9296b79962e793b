// Codecs: what type of values each one carries, and what it is not made of. Compiled, never run.

import {
  type AnyCodec,
  array,
  type BoundedDefinition,
  bool,
  bytes,
  type Channel,
  type Codec,
  codecFromSchema,
  defineCodec,
  enumOf,
  type FixedCodec,
  f64,
  fixedBytes,
  fixedString,
  handle,
  type i8,
  i64,
  type MessageCodec,
  optional,
  type Schema,
  type SendChannel,
  Stack,
  string,
  struct,
  tuple,
  u8,
  u16,
  u32,
  type ValueOf,
} from 'millrace'
import { check, type Same } from './support.js'

check<Same<typeof bytes, MessageCodec<Uint8Array>>>()
check<Same<typeof string, MessageCodec<string>>>()
check<Same<ValueOf<typeof u8>, number>>()
check<typeof u8 extends FixedCodec<number> ? true : false>()
check<Same<ValueOf<typeof i64>, bigint>>()
check<Same<ValueOf<typeof bool>, boolean>>()
check<Same<ValueOf<typeof i8>, number>>()

// Structs.
const trade = struct({ id: u32, price: f64, side: enumOf('buy', 'sell'), tag: fixedString(8), key: fixedBytes(4) })
check<
  Same<
    ValueOf<typeof trade>,
    { id: number; price: number; side: 'buy' | 'sell'; tag: string; key: Uint8Array<ArrayBufferLike> }
  >
>()
check<Same<(typeof trade)['size'], number>>()
const nested = struct({ at: struct({ x: f64, y: f64 }), big: i64, flags: array(bool, 3), pair: tuple(u8, i64) })
check<
  Same<ValueOf<typeof nested>, { at: { x: number; y: number }; big: bigint; flags: boolean[]; pair: [number, bigint] }>
>()
const loose = struct({ id: u32, note: optional(fixedString(4)) })
check<Same<ValueOf<typeof loose>, { id: number; note?: string | undefined }>>()
function send<T>(_codec: AnyCodec<T>, _value: NoInfer<T>): void {}
send(loose, { id: 1 })
send(loose, { id: 1, note: undefined })
send(nested, { at: { x: 1, y: 2 }, big: 1n, flags: [true], pair: [1, 1n] })
// @ts-expect-error a property is missing
send(trade, { id: 1, price: 1, side: 'buy', tag: '' })
// @ts-expect-error a property too many
send(loose, { id: 1, nope: 1 })
// @ts-expect-error not one of the strings
send(trade, { id: 1, price: 1, side: 'hold', tag: '', key: new Uint8Array(4) })
// @ts-expect-error a BigInt is no number
send(loose, { id: 1n })
// @ts-expect-error a string has no fixed size
struct({ name: string })
// @ts-expect-error bytes neither
struct({ data: bytes })
// @ts-expect-error nor what is made of them
struct({ data: optional(bytes), list: array(string, 2) })
// @ts-expect-error
struct({ data: tuple(u8, string) })
// @ts-expect-error
struct({ id: 'u32' })
// @ts-expect-error
struct([u32])

// Arrays, tuples, optionals, enums.
check<Same<ReturnType<typeof array<number>>, MessageCodec<number[]>>>()
const fixed = array(f64, 4)
check<Same<typeof fixed, FixedCodec<number[]>>>()
const variable = array(string, 4)
check<Same<typeof variable, MessageCodec<string[]>>>()
const all = tuple(u8, f64, optional(bool))
check<Same<typeof all, FixedCodec<[number, number, boolean | undefined]>>>()
const some = tuple(u8, string, bytes)
check<Same<typeof some, MessageCodec<[number, string, Uint8Array<ArrayBufferLike>]>>>()
const maybe = optional(u16)
check<Same<typeof maybe, FixedCodec<number | undefined>>>()
const maybeText = optional(string)
check<Same<typeof maybeText, MessageCodec<string | undefined>>>()
const side = enumOf('buy', 'sell')
check<Same<typeof side, FixedCodec<'buy' | 'sell'>>>()
send(some, [1, 'a', new Uint8Array()])
// @ts-expect-error
send(some, [1, 'a'])
// @ts-expect-error
send(some, ['a', 1, new Uint8Array()])
// @ts-expect-error
send(maybe, null)
// @ts-expect-error
tuple()
// @ts-expect-error
tuple(5)
// @ts-expect-error
enumOf()
// @ts-expect-error
enumOf(1, 2)
// @ts-expect-error
array(u8)
// @ts-expect-error
array(u8, '2')
// @ts-expect-error
fixedString('8')
// @ts-expect-error
optional()

// Objects.
const channels = handle<Channel<number>>()
check<Same<ValueOf<typeof channels>, Channel<number>>>()
const reply = tuple(u32, handle<SendChannel<string>>())
check<Same<ValueOf<typeof reply>, [number, SendChannel<string>]>>()
send(handle<Stack<number>>(), new Stack(f64, { capacity: 1 }))
// @ts-expect-error a stack is no channel
send(channels, new Stack(f64, { capacity: 1 }))
// @ts-expect-error a number has no handle
handle<number>()

// Codecs of yours.
class Point {
  constructor(
    readonly x: number,
    readonly y: number,
  ) {}
}
const point = defineCodec({
  name: 'point',
  size: 16,
  encode(p: Point, _bytes, view) {
    check<Same<typeof _bytes, Uint8Array<ArrayBufferLike>>>()
    view.setFloat64(0, p.x)
  },
  decode: (_, view) => new Point(view.getFloat64(0), view.getFloat64(8)),
})
check<Same<typeof point, FixedCodec<Point>>>()
check<Same<ValueOf<typeof line>, { from: Point; to: Point }>>()
const line = struct({ from: point, to: point })
const text = defineCodec<string>({ name: 'text', maxBytes: 9, encode: () => 0, decode: () => '' })
check<Same<typeof text, MessageCodec<string>>>()
const measured = defineCodec<string>({ name: 'text', measure: (s) => s.length, encode: () => 0, decode: () => '' })
check<Same<typeof measured, MessageCodec<string>>>()
text satisfies MessageCodec<string>
// @ts-expect-error it has no fixed size
struct({ text })
// @ts-expect-error how long a value is must be returned
defineCodec<string>({ name: 'text', maxBytes: 9, encode: () => {}, decode: () => '' })
// @ts-expect-error one of size, maxBytes, measure
defineCodec<string>({ name: 'text', encode: () => 0, decode: () => '' })
// @ts-expect-error what is decoded is what was encoded
defineCodec<string>({ name: 'text', maxBytes: 9, encode: () => 0, decode: () => 5 })
const definition: BoundedDefinition<number> = { name: 'n', maxBytes: 1, encode: () => 1, decode: () => 1 }

// Schemas.
const schema: Schema = trade.schema
const again: AnyCodec = codecFromSchema(schema)
const scalar: AnyCodec<number> = f64 satisfies Codec<number>

// What is read only stays so.
// @ts-expect-error
trade.name = 'trade'
// @ts-expect-error
trade.size = 1

export { again, definition, scalar }
