// Shared memory of the virtual threads, put back to a snapshot before every execution by way of a list of the words that were
// written. Every write goes through a hook; `verify` finds out those that did not.

import { Failure } from './failure.js'

const PAGE = 65536

export class Memory {
  readonly memory: WebAssembly.Memory
  readonly buffer: SharedArrayBuffer
  readonly i32: Int32Array
  /** The threads' unwound stacks lie from here on. */
  readonly limit: number
  readonly words: number
  /** Grows with every change of the word's value. */
  readonly version: Int32Array
  private base: Int32Array
  private readonly stamp: Int32Array
  private readonly list: Int32Array
  private count = 0
  private epoch = 1
  private globals: [string, number | bigint][][] = []

  constructor(pages: number, stacks: number) {
    this.memory = new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    this.buffer = this.memory.buffer as unknown as SharedArrayBuffer
    this.i32 = new Int32Array(this.buffer)
    this.limit = pages * PAGE - stacks
    this.words = this.limit >> 2
    this.version = new Int32Array(this.words)
    this.base = new Int32Array(this.words)
    this.stamp = new Int32Array(this.words)
    this.list = new Int32Array(this.words)
  }

  dirty(at: number, bytes: number): void {
    const { stamp, epoch, list } = this
    const last = (at + bytes - 1) >> 2
    for (let w = at >> 2; w <= last; w++) {
      if (stamp[w] !== epoch) {
        stamp[w] = epoch
        list[this.count++] = w
      }
    }
  }

  /** Notes a change of the word's value, if there was one. */
  changed(w: number, before: number): boolean {
    if (this.i32[w] === before) return false
    this.version[w]!++
    return true
  }

  bumpAll(at: number, bytes: number): void {
    const { version } = this
    const last = (at + bytes - 1) >> 2
    for (let w = at >> 2; w <= last; w++) version[w] = (version[w] as number) + 1
  }

  /** The state that every execution starts from. */
  // biome-ignore lint/suspicious/noExplicitAny: exports of a module that is known at run time only
  snapshot(exports: Record<string, any>[]): void {
    this.base = this.i32.slice(0, this.words)
    this.count = 0
    this.epoch++
    this.globals = exports.map((e) => {
      const found: [string, number | bigint][] = []
      for (const [name, g] of Object.entries(e))
        if (g instanceof WebAssembly.Global && name.startsWith('$')) found.push([name, g.value])
      return found
    })
  }

  // biome-ignore lint/suspicious/noExplicitAny: as above
  resetGlobals(t: number, exports: Record<string, any>): void {
    for (const [name, value] of this.globals[t] ?? []) exports[name].value = value
  }

  restore(): void {
    const { i32, base, list } = this
    for (let k = 0; k < this.count; k++) {
      const w = list[k] as number
      i32[w] = base[w] as number
    }
    this.count = 0
    this.epoch++
  }

  /** After a restore: whatever differs was written behind the checker's back. */
  verify(describe: (at: number) => string): void {
    this.restore()
    for (let w = 0; w < this.words; w++) {
      if (this.i32[w] !== this.base[w]) throw new Failure('unhooked', `written without a hook: ${describe(w << 2)}`)
    }
  }

  /** A cheap fingerprint of what the execution has made of the memory. */
  hash(): number {
    let h = 0
    for (let k = 0; k < this.count; k++) {
      const w = this.list[k] as number
      const v = this.i32[w] as number
      if (v === this.base[w]) continue
      // A sum, because the order in which words were written does not matter.
      h = (h + Math.imul(Math.imul(w ^ 0x9e3779b9, 0x85ebca6b) ^ v, 0xc2b2ae35)) | 0
    }
    return h
  }
}
