// What tests need on both sides of a thread boundary: plain JavaScript, loaded by the tests and by the workers that they start.

import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { Worker } from 'node:worker_threads'
import * as millrace from 'millrace'

/**
 * The eight codecs, each with values made from numbers, values at the edges of its range, and what its batches are. `distinct`: different
 * small numbers make different values.
 */
export const kits = [
  kit(millrace.i32, (i) => i, Number, [0, 1, -1, 2 ** 31 - 1, -(2 ** 31), -1640531527]),
  kit(millrace.u32, (i) => i, Number, [0, 1, 2 ** 31, 2 ** 32 - 1, 2654435769]),
  kit(millrace.f32, (i) => i, Number, [
    0,
    -0,
    1.5,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    -3.4028234663852886e38,
    2 ** -149,
  ]),
  kit(
    millrace.f64,
    (i) => i + 0.5,
    (v) => v - 0.5,
    [0, -0, 0.1, Number.NaN, Number.NEGATIVE_INFINITY, Number.MAX_VALUE, Number.MIN_VALUE],
  ),
  kit(
    millrace.bool,
    (i) => i % 2 === 1,
    Number,
    [false, true],
    Number,
    (v) => v === 1,
  ),
  kit(
    millrace.unit,
    () => undefined,
    () => 0,
    [undefined],
    () => 0,
    () => undefined,
  ),
  kit(millrace.i64, (i) => BigInt(i), Number, [0n, 1n, -1n, 2n ** 63n - 1n, -(2n ** 63n), 2n ** 32n]),
  kit(
    millrace.u64,
    (i) => 2n ** 63n + BigInt(i),
    (v) => Number(v - 2n ** 63n),
    [0n, 1n, 2n ** 63n, 2n ** 64n - 1n],
  ),
]

function kit(codec, value, index, edges, toBatch = (v) => v, fromBatch = (v) => v) {
  return {
    codec,
    name: codec.name,
    distinct: codec.name !== 'bool' && codec.name !== 'unit',
    /** The value for a number. */
    value,
    /** The number of a value: the inverse of `value`, where values are distinct. */
    index,
    edges,
    /** A typed array of those values, and back. */
    batch: (values) => (codec.batch === undefined ? values : codec.batch.from(values, toBatch)),
    /** What many values are received into, and what comes when there are none. */
    into: (n) => (codec.batch === undefined ? n : new codec.batch(n)),
    none: codec.batch === undefined ? [] : 0,
    values: (batch) => Array.from(batch, fromBatch),
  }
}

/** Numbers as messages: in cells of the ring, and in blocks of 256 bytes (tests count those of 128 to find out who waits). */
export const [inCells, inBlocks] = [8, 136].map((size) =>
  millrace.defineCodec({
    name: `number/${size}`,
    size,
    encode: (n, _, view) => view.setFloat64(size - 8, n),
    decode: (_, view) => view.getFloat64(size - 8),
  }),
)

const PAD = '·'.repeat(60)
const text = (i) => `${i} ${PAD}`
const order = millrace.struct({ id: millrace.i32, price: millrace.f64, name: millrace.fixedString(140) })

/** The same for codecs of messages. Values from numbers lie in blocks of 256 bytes; those at the edges in any. A batch of them is an array. */
export const messageKits = [
  kit(millrace.string, text, Number.parseInt, ['', 'ü', '\ud800', '\0', 'x'.repeat(10_000)]),
  kit(
    order,
    (i) => ({ id: i, price: i / 4, name: text(i) }),
    ({ id }) => id,
    [
      { id: -(2 ** 31), price: Number.NaN, name: '' },
      { id: 0, price: -0, name: 'é'.repeat(70) },
    ],
  ),
  kit(
    millrace.bytes,
    (i) => Uint8Array.from({ length: 150 }, (_, k) => i + k),
    ([i]) => i,
    [new Uint8Array(), new Uint8Array(1), new Uint8Array(20_000).fill(7)],
  ),
  kit(
    millrace.any(),
    (i) => ({ i, list: [text(i)] }),
    ({ i }) => i,
    [undefined, null, -0, { at: new Date(5), set: new Set([1, 'x']), deep: [[[{}]]] }],
  ),
]

export function kitOf(name) {
  return [...kits, ...messageKits].find((each) => each.name === name)
}

/** The operations that wait, in one style: `async` gives promises, `blocking` blocks the thread. Tests await both. */
export function styleOf(name) {
  if (name === 'blocking') {
    return {
      send: (ch, value, options) => ch.sendSync(value, options),
      receive: (ch, options) => ch.receiveSync(options),
      next: (ch, options) => ch.nextSync(options),
      sendMany: (ch, values, options) => ch.sendManySync(values, options),
      receiveMany: (ch, into, options) => ch.receiveManySync(into, options),
      values: (ch) => ch.sync(),
      select: (cases, options) => millrace.selectSync(cases, options),
      round: (selector, options) => selector.selectSync(options),
      write: (p, record, options) => p.writeSync(record, options),
      writeMany: (p, records, options) => p.writeManySync(records, options),
      reserve: (p, length, options) => p.reserveSync(length, options),
      read: (p, options) => p.readSync(options),
      readMany: (p, max, options) => p.readManySync(max, options),
      readView: (p, options) => p.readViewSync(options),
      drain: (p, use, options) => p.drainSync(use, options),
      call: (object, method, ...args) => object[`${method}Sync`](...args),
    }
  }
  return {
    send: (ch, value, options) => ch.send(value, options),
    receive: (ch, options) => ch.receive(options),
    next: (ch, options) => ch.next(options),
    sendMany: (ch, values, options) => ch.sendMany(values, options),
    receiveMany: (ch, into, options) => ch.receiveMany(into, options),
    values: (ch) => ch,
    select: (cases, options) => millrace.select(cases, options),
    round: (selector, options) => selector.select(options),
    write: (p, record, options) => p.write(record, options),
    writeMany: (p, records, options) => p.writeMany(records, options),
    reserve: (p, length, options) => p.reserve(length, options),
    read: (p, options) => p.read(options),
    readMany: (p, max, options) => p.readMany(max, options),
    readView: (p, options) => p.readView(options),
    drain: (p, use, options) => p.drain(use, options),
    call: (object, method, ...args) => object[method](...args),
  }
}

/** Small numbers that look random and are the same for the same seed (mulberry32). */
export function randomFrom(seed) {
  let state = seed >>> 0
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  return {
    /** From 0 to below 1. */
    next,
    /** An integer from 0 to below n. */
    below: (n) => Math.floor(next() * n),
    pick: (list) => list[Math.floor(next() * list.length)],
  }
}

/** Blocks the thread. */
export function sleepSync(ms) {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms)
}

export const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))

/** Meets the others at an AtomicI32 that starts at 0: returns when `parties` threads have come to round `round` (from 1). Spins politely. */
export function meet(gate, parties, round = 1) {
  gate.add(1)
  for (let tries = 0; gate.load() < parties * round; tries++) if (tries > 1000) sleepSync(0.05)
}

/** Collects garbage now. */
export function gc() {
  setFlagsFromString('--expose-gc')
  runInNewContext('gc')()
}

/** What a function that runs in another thread gets as its first argument. */
export function toolsFor(style) {
  const { open, recv, send, trySelect, Selector } = millrace
  return {
    ...{ millrace, open, recv, send, trySelect, Selector },
    ...{ io: styleOf(style), kitOf, randomFrom, sleep, sleepSync, meet, gc, Worker },
  }
}
