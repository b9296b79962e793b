// A line of tasks of one event loop, who do something one after the other: first come, first served, each with its own time limit.

import { watchLimits } from './limits.js'

export class Line {
  /** How many are in it, the one whose turn it is among them. */
  length = 0
  readonly #next: (() => void)[] = []

  /**
   * Waits for its turn: then `leave` must be called, whatever comes. Rejects with TimeoutError or the signal's reason: then it has left.
   */
  enter(what: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    if (this.length++ === 0) return Promise.resolve()
    return new Promise((resolve, reject) => {
      let stopWatching = (): void => {}
      const turn = (): void => {
        stopWatching()
        resolve()
      }
      this.#next.push(turn)
      if (timeout === Number.POSITIVE_INFINITY && signal === undefined) return
      stopWatching = watchLimits(what, timeout, signal, (reason) => {
        stopWatching()
        this.#next.splice(this.#next.indexOf(turn), 1)
        this.length--
        reject(reason())
      })
    })
  }

  leave(): void {
    this.length--
    this.#next.shift()?.()
  }
}
