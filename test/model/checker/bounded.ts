// Exhaustive exploration of all executions with at most so many preemptions (M. Musuvathi, S. Qadeer, "Iterative context bounding",
// PLDI 2007): most bugs need one or two. A switch away from a thread that cannot go on costs nothing.

import type { Events, Explorer } from './events.js'

export class Bounded implements Explorer {
  complete = false
  cut = false
  private readonly bound: number
  private prefix = 0
  private readonly plan: Uint8Array
  private readonly open: Uint8Array
  private readonly spent: Uint8Array

  constructor(m: Events, preemptions: number) {
    this.bound = preemptions
    this.plan = new Uint8Array(m.tid.length)
    this.open = new Uint8Array(m.tid.length)
    this.spent = new Uint8Array(m.tid.length + 1)
  }

  start(): void {}

  choose(m: Events, current: number): number {
    const d = m.depth
    const enabled = m.enabled()
    if (enabled === 0) return -1
    const able = (enabled & (1 << current)) !== 0 && d > 0
    let c: number
    if (d < this.prefix) c = this.plan[d] as number
    else {
      c = able ? current : 31 - Math.clz32(enabled & -enabled)
      this.plan[d] = c
      // A boundary between operations is as good a place to switch as any, so it is not free.
      this.open[d] = able && (this.spent[d] as number) >= this.bound ? 0 : enabled & ~(1 << c)
    }
    this.spent[d + 1] = (this.spent[d] as number) + (able && c !== current ? 1 : 0)
    return c
  }

  finish(m: Events): void {
    for (let d = m.depth - 1; d >= 0; d--) {
      const open = this.open[d] as number
      if (open) {
        this.plan[d] = 31 - Math.clz32(open & -open)
        this.open[d] = open & (open - 1)
        this.prefix = d + 1
        return
      }
    }
    this.complete = true
  }
}
