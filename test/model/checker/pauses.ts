// What each thread has looked at since its last pause: it may go on when one of those words has changed by another's hand.

import type { Memory } from './memory.js'

const SIZE = 64

export class ReadSets {
  private readonly memory: Memory
  private readonly word: Int32Array
  private readonly version: Int32Array
  private readonly count: Int32Array
  /** Set when more was read than is remembered: then the thread may always go on. */
  private readonly overflow: Uint8Array

  constructor(memory: Memory, threads: number) {
    this.memory = memory
    this.word = new Int32Array(threads * SIZE)
    this.version = new Int32Array(threads * SIZE)
    this.count = new Int32Array(threads)
    this.overflow = new Uint8Array(threads)
  }

  clear(t: number): void {
    this.count[t] = 0
    this.overflow[t] = 0
  }

  clearAll(): void {
    this.count.fill(0)
    this.overflow.fill(0)
  }

  add(t: number, w: number): void {
    const k = this.count[t] as number
    if (k === SIZE) {
      this.overflow[t] = 1
      return
    }
    this.word[t * SIZE + k] = w
    this.version[t * SIZE + k] = this.memory.version[w] as number
    this.count[t] = k + 1
  }

  /** The thread itself has changed these words: not the change that its pause waits for. */
  own(t: number, at: number, bytes: number): void {
    const first = at >> 2
    const last = (at + bytes - 1) >> 2
    const version = this.memory.version
    for (let k = t * SIZE, end = k + (this.count[t] as number); k < end; k++) {
      const w = this.word[k] as number
      if (w >= first && w <= last && this.version[k] === (version[w] as number) - 1) this.version[k]!++
    }
  }

  changed(t: number): boolean {
    if (this.overflow[t]) return true
    const version = this.memory.version
    for (let k = t * SIZE, end = k + (this.count[t] as number); k < end; k++) {
      if (this.version[k] !== version[this.word[k] as number]) return true
    }
    return false
  }
}
