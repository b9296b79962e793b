// What the rows of values send, the same for every contender written in JavaScript, and how each message is checked.
//
// A sender has one source of its own, fills message number i into it and may change it as soon as the send returns. A receiver
// gets memory of its own and compares it with what message i must be. Messages come in order from one producer, so i is known.

export interface Payload<T> {
  /** Message i, in the sender's source. The next call overwrites it. */
  fill(i: number): T
  /** i, if the value is message i. Throws if it is anything else. */
  check(value: T, i: number): number
}

export interface Order {
  id: number
  price: number
  side: number
  qty: number
  tag: string
}

export interface Item {
  id: number
  name: string
  tags: string[]
}

const TAGS = ['AAPL.NAS', 'MSFT.NAS', 'SAP.XETR', 'BMW.XETR', 'NESN.SWX', 'ASML.AMS', 'TTE.EPAX', 'HSBC.LSE']
const NAMES = ['amber', 'birch', 'coral', 'dune', 'ember', 'fjord', 'grove', 'heath']
/** Strings that a sender has in stock; no two are equal. A power of two. */
const STOCK = 1024

function wrong(what: string, i: number, value: unknown): never {
  throw new Error(`message ${i} of ${what} arrived as ${JSON.stringify(value)?.slice(0, 200)}`)
}

/** Bytes of a message that depend on its number: the first four, one in the middle, the last one. */
function stamp(bytes: Uint8Array, i: number): void {
  bytes[0] = i
  bytes[1] = i >> 8
  bytes[2] = i >> 16
  bytes[3] = i >> 24
  bytes[bytes.length >> 1] = i * 7
  bytes[bytes.length - 1] = i * 13
}

export function checkBytes(bytes: Uint8Array, size: number, i: number): number {
  const number = bytes[0] | (bytes[1] << 8) | (bytes[2] << 16) | (bytes[3] << 24)
  const good = bytes.length === size && number === i
  if (!good || bytes[size >> 1] !== ((i * 7) & 255) || bytes[size - 1] !== ((i * 13) & 255)) wrong('bytes', i, number)
  return number
}

function bytesOf(size: number): Payload<Uint8Array> {
  const source = new Uint8Array(size).fill(0x2e)
  return {
    fill(i) {
      stamp(source, i)
      return source
    },
    check: (value, i) => checkBytes(value, size, i),
  }
}

function stringOf(size: number): Payload<string> {
  const stock = Array.from({ length: STOCK }, (_, i) => `${i}:`.padEnd(size, 'the quick brown fox '))
  return {
    fill: (i) => stock[i & (STOCK - 1)],
    check(value, i) {
      if (value !== stock[i & (STOCK - 1)]) wrong('a string', i, value)
      return i
    },
  }
}

function structs(): Payload<Order> {
  const order: Order = { id: 0, price: 0, side: 0, qty: 0, tag: '' }
  return {
    fill(i) {
      order.id = i
      order.price = i * 0.25
      order.side = i & 1
      order.qty = i ^ 0x5555
      order.tag = TAGS[i & 7]
      return order
    },
    check(value, i) {
      const { id, price, side, qty, tag } = value
      const good = id === i && price === i * 0.25 && side === (i & 1) && qty === (i ^ 0x5555)
      if (!good || tag !== TAGS[i & 7]) wrong('a struct', i, value)
      return id
    },
  }
}

function items(): Payload<Item> {
  const item: Item = { id: 0, name: '', tags: ['', '', ''] }
  return {
    fill(i) {
      item.id = i
      item.name = NAMES[i & 7]
      for (let at = 0; at < 3; at++) item.tags[at] = NAMES[(i + at) & 7]
      return item
    },
    check(value, i) {
      const { id, name, tags } = value
      const good = id === i && name === NAMES[i & 7] && tags.length === 3
      if (!good || tags[0] !== name || tags[2] !== NAMES[(i + 2) & 7]) wrong('an object', i, value)
      return id
    },
  }
}

/** What a style such as `bytes-1024` sends. */
export interface Shape {
  what: 'struct' | 'bytes' | 'view' | 'transfer' | 'string' | 'any'
  /** Bytes of a message, or characters. */
  size: number
}

export function shapeOf(style: string): Shape {
  const [what, size] = style.split('-')
  return { what: what as Shape['what'], size: Number(size) }
}

export function payloadOf(style: string): Payload<never> {
  const { what, size } = shapeOf(style)
  const makers: Record<Shape['what'], () => unknown> = {
    struct: structs,
    any: items,
    bytes: () => bytesOf(size),
    view: () => bytesOf(size),
    transfer: () => bytesOf(size),
    string: () => stringOf(size),
  }
  if (makers[what] === undefined) throw new Error(`no style ${style}`)
  return makers[what]() as Payload<never>
}
