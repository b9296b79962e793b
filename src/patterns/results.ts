// Results that come one after the other: what `mapConcurrent` and `pipeline` give.

/** Results to loop over, once: `for await`, `toArray()` or `drain()`. Nothing begins before the first one is asked for. */
export abstract class Results<R> implements AsyncIterableIterator<R> {
  /** The next result. @throws the error that has ended it, or the signal's reason; once, and then it is at its end. */
  abstract next(): Promise<IteratorResult<R, undefined>>
  /** Ends it early: nothing more is read, and what is under way is told by its signal. What leaves a `for await` loop calls it. */
  abstract return(): Promise<IteratorResult<R, undefined>>

  [Symbol.asyncIterator](): this {
    return this
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.return()
  }

  /** All results that are still to come. @throws as `next`; what came before an error is dropped. */
  async toArray(): Promise<R[]> {
    const results: R[] = []
    for await (const result of this) results.push(result)
    return results
  }

  /** Waits for all results that are still to come, and keeps none: resolves with their number. @throws as `next`. */
  async drain(): Promise<number> {
    let count = 0
    for (;;) {
      const { done } = await this.next()
      if (done) return count
      count++
    }
  }
}
