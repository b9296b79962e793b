// What `any` was chosen by: serialising libraries compared with structured clone in what they carry, and in time. Run it with the folder where the
// libraries are installed (they are no part of the project):
//   npm install --prefix /tmp/codecs msgpackr cbor-x @msgpack/msgpack devalue seroval superjson
//   node bench/codecs/any.mjs /tmp/codecs
// Without a folder it measures `any`, JSON, and the engine's own serialiser.

import { deepStrictEqual } from 'node:assert'
import { createRequire } from 'node:module'
import { resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import v8 from 'node:v8'
import { any } from '../../dist/index.js'

const folder = process.argv[2]
const require = createRequire(pathToFileURL(resolve(folder ?? '.', 'package.json')))

/** The library if it is installed. */
async function library(name) {
  if (folder === undefined) return undefined
  try {
    return await import(pathToFileURL(require.resolve(name)))
  } catch (error) {
    console.error(`${name} is left out: ${error.message.split('\n')[0]}`)
    return undefined
  }
}

const [msgpackr, cborx, msgpack, devalue, seroval, superjson] = await Promise.all(
  ['msgpackr', 'cbor-x', '@msgpack/msgpack', 'devalue', 'seroval', 'superjson'].map(library),
)

/** What would have to come before msgpackr's writer, at the least: a walk that refuses, knows what it has met, and reads each property once. */
function checked(value, met = []) {
  if (typeof value === 'string' && !value.isWellFormed()) throw new TypeError('lone surrogate')
  if (Object.is(value, -0) || typeof value === 'function' || typeof value === 'symbol') throw new TypeError('refused')
  if (typeof value !== 'object' || value === null) return value
  if (met.includes(value)) throw new TypeError('shared')
  met.push(value)
  if (Array.isArray(value)) return value.map((item) => checked(item, met))
  const prototype = Object.getPrototypeOf(value)
  if (prototype !== Object.prototype && prototype !== null) throw new TypeError('refused')
  const copied = { ...value }
  for (const key in copied) copied[key] = checked(copied[key], met)
  return copied
}

const codec = any()
const shared = new SharedArrayBuffer(2 ** 20)
const memory = { u8: new Uint8Array(shared), view: new DataView(shared) }
const copy = (bytes) => Uint8Array.from(bytes)
// Encode gives what decode takes. Libraries encode into their own buffer, as far as they offer it; strings are not counted as bytes.
const contenders = {
  any: { encode: (value) => codec.encode(value, memory, 64, 2 ** 20), decode: (end) => codec.decode(memory, 64, end) },
  'v8.serialize': { encode: v8.serialize, decode: v8.deserialize },
  JSON: { encode: JSON.stringify, decode: JSON.parse },
}
if (msgpackr) {
  const plain = new msgpackr.Packr({ useRecords: false, variableMapSize: true, moreTypes: true })
  const clone = new msgpackr.Packr({ structuredClone: true })
  contenders['check and copy, then msgpackr'] = {
    encode: (value) => plain.pack(checked(value)),
    decode: (bytes) => plain.unpack(bytes),
    keep: copy,
  }
  contenders.msgpackr = { encode: (value) => plain.pack(value), decode: (bytes) => plain.unpack(bytes), keep: copy }
  contenders['msgpackr, structuredClone'] = { encode: (v) => clone.pack(v), decode: (b) => clone.unpack(b), keep: copy }
}
if (cborx) {
  const plain = new cborx.Encoder({ useRecords: false, variableMapSize: true })
  const clone = new cborx.Encoder({ structuredClone: true })
  contenders['cbor-x'] = { encode: (value) => plain.encode(value), decode: (bytes) => plain.decode(bytes), keep: copy }
  contenders['cbor-x, structuredClone'] = { encode: (v) => clone.encode(v), decode: (b) => clone.decode(b), keep: copy }
}
if (msgpack) {
  const [encoder, decoder] = [new msgpack.Encoder({ useBigInt64: true }), new msgpack.Decoder({ useBigInt64: true })]
  contenders['@msgpack/msgpack'] = {
    encode: (value) => encoder.encodeSharedRef(value),
    decode: (bytes) => decoder.decode(bytes),
    keep: copy,
  }
}
if (devalue) contenders.devalue = { encode: devalue.stringify, decode: devalue.parse }
if (seroval) {
  contenders.seroval = {
    encode: (value) => JSON.stringify(seroval.toJSON(value)),
    decode: (text) => seroval.fromJSON(JSON.parse(text)),
  }
}
if (superjson) contenders.superjson = { encode: superjson.default.stringify, decode: superjson.default.parse }

const point = { x: 1 }
const cycle = { list: [point, point] }
cycle.self = cycle
// biome-ignore lint/suspicious/noSparseArray: holes are one of the questions
const holes = [1, , 3]
const carried = {
  undefined: { a: undefined },
  '-0, NaN, infinities': [-0, NaN, Infinity, -Infinity],
  'lone surrogates': ['\ud800', `${'long '.repeat(30)}\udc00`],
  'byte order mark': `\ufeff${'long '.repeat(30)}`,
  Dates: [new Date(1e12 + 1), new Date(-1)],
  'invalid Date': new Date(NaN),
  'large BigInts': [2n ** 63n, -(3n ** 500n)],
  'Map, Set': [new Map([[point, 1]]), new Set([1, new Set()])],
  'typed arrays': [
    new Float64Array([1, -0]),
    new Int16Array(3),
    new BigInt64Array(1),
    new DataView(new ArrayBuffer(3)),
  ],
  ArrayBuffer: new Uint8Array([1, 2]).buffer,
  RegExp: /a\/b/giu,
  'Error, cause': new RangeError('a', { cause: new TypeError('b') }),
  holes,
  'boxed primitives': [Object(1), Object('a')],
  'cycles, shared': cycle,
  '__proto__ as key': JSON.parse('{"__proto__":{"a":1},"b":2}'),
}

function carries({ encode, decode }, value) {
  try {
    const back = decode(encode(value))
    if (value instanceof Date && Number.isNaN(value.getTime()))
      return back instanceof Date && Number.isNaN(back.getTime())
    deepStrictEqual(back, structuredClone(value))
    return true
  } catch {
    return false
  }
}

function refuses({ encode }, value) {
  try {
    encode(value)
    return false
  } catch {
    return true
  }
}

console.log('lost or changed:')
for (const [name, contender] of Object.entries(contenders)) {
  const lost = Object.keys(carried).filter((key) => !carries(contender, carried[key]))
  if (!refuses(contender, { fn() {} })) lost.push('accepts functions')
  if (!refuses(contender, { it: new (class Account {})() })) lost.push('accepts class instances')
  console.log(`  ${name}: ${lost.join('; ') || 'nothing'}`)
}

const timed = {
  small: { id: 123, name: 'something', tags: ['alpha', 'beta', 'gamma'] },
  large: {
    orders: Array.from({ length: 20 }, (_, i) => ({
      id: i * 1000 + 7,
      price: i * 1.25 + 0.1,
      active: i % 2 === 0,
      customer: {
        name: `Customer ${i}`,
        email: `c${i}@example.com`,
        address: { street: `Long street ${i}`, zip: `1234${i}`, tags: ['a', 'b', 'c'] },
      },
      lines: [
        { sku: `A${i}`, n: 2 },
        { sku: `B${i}`, n: 3 },
      ],
      note: null,
    })),
    total: 12345.678,
    meta: { at: '2024-01-01T00:00:00Z', v: 3 },
  },
}

const ROUNDS = 40
const ROUND_MS = 6

/** Nanoseconds of one call of each: the best of many short rounds, all contenders in turn, since what disturbs only adds. */
function time(tasks) {
  const best = new Map(tasks.map((task) => [task, Infinity]))
  for (let round = -2; round < ROUNDS; round++) {
    for (const task of tasks) {
      let n = 0
      const start = performance.now()
      const end = start + (round < 0 ? 100 : ROUND_MS)
      let now = start
      for (; now < end; now = performance.now(), n += 10) for (let i = 0; i < 10; i++) task()
      if (round >= 0) best.set(task, Math.min(best.get(task), ((now - start) / n) * 1e6))
    }
  }
  return tasks.map((task) => Math.round(best.get(task)))
}

const rows = Object.entries(contenders).flatMap(([name, { encode, decode, keep = (encoded) => encoded }]) =>
  Object.entries(timed).map(([size, value]) => {
    const encoded = keep(encode(value))
    return { name: `${name}, ${size}`, tasks: [() => encode(value), () => decode(encoded)] }
  }),
)
for (const [size, value] of Object.entries(timed)) {
  rows.push({ name: `any, ${size}: measure alone`, tasks: [() => codec.measure(value)] })
  rows.push({ name: `structuredClone, ${size}: both`, tasks: [() => structuredClone(value)] })
}
const results = time(rows.flatMap(({ tasks }) => tasks))
console.log('ns of one encode + one decode:')
for (const { name, tasks } of rows) console.log(`  ${name}: ${results.splice(0, tasks.length).join(' + ')}`)
