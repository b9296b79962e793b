// Data races, by vector clocks.
//
// WebAssembly's memory is sequentially consistent only for programs whose non-atomic accesses are ordered by happens-before: program
// order, plus the edge from an atomic write to the atomic read of the same range that sees it. An atomic write that is not a
// read-modify-write passes on only its own thread's clock: there are no release sequences in this model.
//
// peek and poke are racy by design: a peek takes no part, a poke only with regard to get and set, which claim to be alone. A look takes no part
// either, but it learns what an atomic write has published. Atomics of different sizes on one word must be ordered too.

import { Failure } from './failure.js'
import { OP_GET, OP_LOAD, OP_RMW, OP_SET, OP_STORE } from './ops.js'

export class Races {
  readonly threads: number
  readonly clock: Int32Array
  private readonly row: number
  private readonly rows: Int32Array
  private readonly stamp: Int32Array
  private epoch = 0
  /** Set while a scenario runs that mixes sizes knowingly. */
  allowMixed = false
  /** Set while a scenario runs that races knowingly. */
  off = false
  describe: (at: number) => string = (at) => `0x${at.toString(16)}`

  // Row of a word: published clock (n), last plain read (n), last plain write (n), last atomic access (n), last atomic write (n),
  // then the size of the last atomic write and the range's first word, then last poke (n).
  constructor(threads: number, words: number) {
    this.threads = threads
    this.clock = new Int32Array(threads * threads)
    this.row = threads * 6 + 2
    this.rows = new Int32Array(words * this.row)
    this.stamp = new Int32Array(words)
  }

  reset(): void {
    this.epoch++
    this.clock.fill(0)
    for (let t = 0; t < this.threads; t++) this.clock[t * this.threads + t] = 1
  }

  private at(word: number): number {
    const base = word * this.row
    if (this.stamp[word] !== this.epoch) {
      this.stamp[word] = this.epoch
      const rows = this.rows
      for (let k = base, end = base + this.row; k < end; k++) rows[k] = 0
    }
    return base
  }

  /** Thread `t` learns all that `from` knows (a death that its reaper has seen, a wake-up). */
  join(t: number, from: number): void {
    const n = this.threads
    const c = this.clock
    for (let q = 0; q < n; q++) {
      const v = c[from * n + q] as number
      if (v > (c[t * n + q] as number)) c[t * n + q] = v
    }
    c[from * n + from]!++
  }

  /** A plain read or write of any number of bytes. */
  plain(t: number, op: number, at: number, bytes: number): void {
    const first = at >> 2
    const last = (at + bytes - 1) >> 2
    if (bytes <= 0 || this.off) return
    if (op === OP_SET && bytes > 64) {
      // Clearing a large block: most words have not been touched by anybody.
      const { rows, stamp, epoch, row } = this
      const column = 2 * this.threads + t
      const now = this.clock[t * this.threads + t] as number
      for (let w = first; w <= last; w++) {
        if (stamp[w] === epoch) this.plainWord(t, op, w)
        else {
          const base = w * row
          stamp[w] = epoch
          for (let k = base, end = base + row; k < end; k++) rows[k] = 0
          rows[base + column] = now
        }
      }
      return
    }
    for (let w = first; w <= last; w++) this.plainWord(t, op, w)
  }

  private plainWord(t: number, op: number, w: number): void {
    const n = this.threads
    const c = this.clock
    const rows = this.rows
    const base = this.at(w)
    const mine = t * n
    const write = op === OP_SET
    for (let q = 0; q < n; q++) {
      if (q === t) continue
      const known = c[mine + q] as number
      if ((rows[base + 2 * n + q] as number) > known) this.fail(t, write ? 'set' : 'get', q, 'set', w)
      if ((rows[base + 5 * n + 2 + q] as number) > known) this.fail(t, write ? 'set' : 'get', q, 'poke', w)
      if ((rows[base + 4 * n + q] as number) > known) this.fail(t, write ? 'set' : 'get', q, 'an atomic write', w)
      if (write) {
        if ((rows[base + n + q] as number) > known) this.fail(t, 'set', q, 'get', w)
        if ((rows[base + 3 * n + q] as number) > known) this.fail(t, 'set', q, 'an atomic', w)
      }
    }
    rows[base + (write ? 2 : 1) * n + t] = c[mine + t] as number
  }

  /** A racy write: races with nobody but those who claim to be alone. */
  poke(t: number, at: number, bytes: number): void {
    if (this.off) return
    const n = this.threads
    const mine = t * n
    const { rows, clock } = this
    for (let w = at >> 2; w << 2 < at + bytes; w++) {
      const base = this.at(w)
      for (let q = 0; q < n; q++) {
        if (q === t) continue
        const known = clock[mine + q] as number
        if ((rows[base + n + q] as number) > known) this.fail(t, 'poke', q, 'get', w)
        if ((rows[base + 2 * n + q] as number) > known) this.fail(t, 'poke', q, 'set', w)
      }
      rows[base + 5 * n + 2 + t] = clock[mine + t] as number
    }
  }

  /** Whether a look at that word finds what somebody writes to a block that is another's by now. */
  strays(t: number, w: number): boolean {
    const { threads: n, clock, rows } = this
    const base = this.at(w)
    for (let q = 0; q < n; q++) {
      if (q === t) continue
      const known = clock[t * n + q] as number
      if ((rows[base + 2 * n + q] as number) > known || (rows[base + 5 * n + 2 + q] as number) > known) return true
    }
    return false
  }

  /** An atomic load that is in nobody's way, and learns nothing where it strays. */
  look(t: number, w: number): void {
    const { threads: n, clock, rows } = this
    if (this.off || this.strays(t, w)) return
    const base = this.at(w)
    if (rows[base + 5 * n] !== 4 || rows[base + 5 * n + 1] !== w) return
    for (let q = 0; q < n; q++)
      if ((rows[base + q] as number) > (clock[t * n + q] as number)) clock[t * n + q] = rows[base + q] as number
  }

  /** An atomic; `wrote` only if it did (a compare-and-swap may not have). */
  atomic(t: number, op: number, at: number, bytes: number, wrote: boolean): void {
    if (this.off) return
    const n = this.threads
    const c = this.clock
    const rows = this.rows
    const mine = t * n
    const first = at >> 2
    const words = bytes >> 2
    for (let k = 0; k < words; k++) {
      const base = this.at(first + k)
      for (let q = 0; q < n; q++) {
        if (q === t) continue
        const known = c[mine + q] as number
        if ((rows[base + 2 * n + q] as number) > known) this.fail(t, 'an atomic', q, 'set', first + k)
        if (wrote && (rows[base + n + q] as number) > known) this.fail(t, 'an atomic write', q, 'get', first + k)
      }
      const size = rows[base + 5 * n] as number
      const same = size === 0 || (size === bytes && rows[base + 5 * n + 1] === first)
      if (!same && !this.allowMixed) {
        for (let q = 0; q < n; q++) {
          if (q !== t && (rows[base + 4 * n + q] as number) > (c[mine + q] as number)) {
            const text = `thread ${t} uses ${bytes} bytes, thread ${q} wrote ${size}: ${this.describe((first + k) << 2)}`
            throw new Failure('mixed sizes', `atomics of different sizes, unordered: ${text}`)
          }
        }
      }
      if (op !== OP_STORE && same) {
        for (let q = 0; q < n; q++)
          if ((rows[base + q] as number) > (c[mine + q] as number)) c[mine + q] = rows[base + q] as number
      }
    }
    for (let k = 0; k < words; k++) {
      const base = this.at(first + k)
      rows[base + 3 * n + t] = c[mine + t] as number
      if (!wrote) continue
      rows[base + 4 * n + t] = c[mine + t] as number
      rows[base + 5 * n] = bytes
      rows[base + 5 * n + 1] = first
      for (let q = 0; q < n; q++) rows[base + q] = c[mine + q] as number
    }
    if (wrote) c[mine + t]!++
  }

  private fail(t: number, what: string, other: number, did: string, word: number): never {
    throw new Failure(
      'data race',
      `thread ${t}: ${what} of ${this.describe(word << 2)} is not ordered with thread ${other}: ${did}`,
    )
  }
}

export const PLAIN_READ = OP_GET
export const PLAIN_WRITE = OP_SET
export const ATOMIC_READ = OP_LOAD
export const ATOMIC_UPDATE = OP_RMW
