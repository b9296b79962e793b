// What the messages of a soak hold. Everything follows from the seed, the producer's number and the message's number, so a receiver knows
// what each message must be, to the last byte, without having seen the sender.

import { isDeepStrictEqual } from 'node:util'
import { randomFrom } from '../../support/kit.mjs'

export const MIB = 2 ** 20
/** The longest message, in bytes. */
export const LONGEST = 2 * MIB
/** The longest text, in UTF-16 code units. */
const LONGEST_TEXT = 2 ** 18
/** Sizes are spread evenly over their logarithms: as many messages below 32 bytes as above 64 KiB. */
const SIZE_BITS = 21
const TEXT_BITS = 18
/** Messages begin at one of so many places of the pool. */
const OFFSETS = 2 ** 16

/** Evenly spread 32 bits. */
function hash(seed, producer, seq, salt) {
  let h =
    Math.imul(seed ^ Math.imul(producer + 1, 0x9e3779b1), 0x85ebca6b) ^ Math.imul(seq + salt * 0x632be5ab, 0xc2b2ae35)
  h = Math.imul(h ^ (h >>> 15), 0x2c1b3c6d)
  h = Math.imul(h ^ (h >>> 12), 0x297a2d39)
  return (h ^ (h >>> 15)) >>> 0
}

function spread(h, bits) {
  return (h >>> 5) % 2 ** ((h & 31) % (bits + 1))
}

function bytePool() {
  const pool = new Uint32Array((LONGEST + OFFSETS) / 4)
  const { next } = randomFrom(1)
  for (let i = 0; i < pool.length; i++) pool[i] = next() * 2 ** 32
  return new Uint8Array(pool.buffer)
}

/** Pairs of code units that may be cut apart from each other but not inside: two characters, or one of four bytes in UTF-8. */
const PAIRS = ['ab', '0 ', 'é\n', 'ж!', '中文', '\u{1f600}', '\u{10ffff}', '\0ÿ', 'ﬁ\ufeff']

function textPool() {
  const { pick } = randomFrom(2)
  let pool = ''
  // Long runs of ASCII too, since they have ways of their own.
  while (pool.length < LONGEST_TEXT + OFFSETS)
    pool += pool.length % 4096 < 2048 ? pick(PAIRS) : 'plain ascii. '.slice(0, 12)
  return Buffer.from(pool, 'utf16le').toString('utf16le') // flat
}

let bytes
let texts
const pool = () => (bytes ??= bytePool())

export function contentsOf(seed) {
  const place = (producer, seq) => hash(seed, producer, seq, 1) % OFFSETS

  const contents = {
    /** Length of message `seq`, in bytes. Now and then it is as long as can be, or empty. */
    size(producer, seq) {
      const h = hash(seed, producer, seq, 2)
      return h % 4096 === 0 ? LONGEST : spread(h, SIZE_BITS)
    },
    /** A part of the pool. Not a copy: whoever sends it must have copied it when the send returns. */
    bytes(producer, seq) {
      const at = place(producer, seq)
      return pool().subarray(at, at + contents.size(producer, seq))
    },
    sameBytes(value, producer, seq) {
      return Buffer.compare(value, contents.bytes(producer, seq)) === 0
    },
    text(producer, seq) {
      texts ??= textPool()
      const at = place(producer, seq) & ~1
      return texts.slice(at, at + (spread(hash(seed, producer, seq, 3), TEXT_BITS) & ~1))
    },
    order(producer, seq) {
      const h = hash(seed, producer, seq, 4)
      return { id: seq, price: h / 7, side: producer, qty: h, tag: h.toString(36) }
    },
    tree(producer, seq) {
      const random = randomFrom(hash(seed, producer, seq, 5))
      const at = place(producer, seq)
      const tree = { producer, seq, ...branch(random, 3) }
      tree.bytes = pool().slice(at, at + (contents.size(producer, seq) % 8192))
      tree.self = tree
      return tree
    },
    same: isDeepStrictEqual,
  }
  return contents
}

function branch(random, depth) {
  const { next, below, pick } = random
  const shared = { x: next(), y: -0 }
  const inner = depth > 0 ? Array.from({ length: below(4) }, () => branch(random, depth - 1)) : []
  return {
    name: pick(PAIRS).repeat(below(10)),
    numbers: Array.from({ length: below(12) }, (_, i) => (i % 3 === 0 ? below(1000) : next())),
    when: new Date(below(2 ** 31)),
    big: BigInt(below(2 ** 31)) ** 3n,
    map: new Map([
      ['a', shared],
      [below(9), shared],
    ]),
    set: new Set([below(5), pick(PAIRS)]),
    nothing: pick([undefined, null, Number.NaN]),
    inner,
  }
}
