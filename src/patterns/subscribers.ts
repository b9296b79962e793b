// Publishing to the subscribers of a topic, or of a hub of topics: at once to those who have room, and waiting for those who have not.

import { TimeoutError } from '../errors.js'
import { watchLimits } from '../limits.js'
import { TimerEntry, timers } from '../timer-heap.js'
import { keep } from '../turn.js'
import { left, timeoutOf, type WaitOptions } from '../wait.js'
import { check, closeQuietly, isGone, LAST, type Member, Members, NONE, policyOf, SLOT } from './members.js'
import { newController, whenAborted } from './options.js'

/** Milliseconds between two looks whether the thread of a subscriber that is waited for is still there. */
const LOOK = 100

/** What is done with one who has no room. `last`: it gets nothing after that. */
type Full<T> = (member: Member<T>, last: boolean) => void

export class Subscribers<T> extends Members<T> {
  /** Publishes of this thread that wait. */
  readonly #pending = new Set<Promise<unknown>>()

  /** Waits for what this thread is publishing, then closes. */
  async shutdown(options: WaitOptions | undefined): Promise<void> {
    const timeout = timeoutOf(options)
    const since = performance.now()
    this.mark()
    try {
      while (this.#pending.size > 0) await settled([...this.#pending], left(timeout, since), timeout, options?.signal)
    } finally {
      this.close()
    }
  }

  publish(topics: readonly string[], value: T, options: WaitOptions | undefined): Promise<number> {
    try {
      this.requireOpen()
      const timeout = timeoutOf(options)
      const waits: Promise<{ sent: number; error?: unknown; failed?: boolean }>[] = []
      const delivered = this.#offer(topics, value, (member, last) => {
        const sending = this.#send(member, value, last, timeout, options?.signal)
        waits.push(
          sending.then(
            (sent) => ({ sent }),
            (error: unknown) => ({ sent: 0, error, failed: true }),
          ),
        )
      })
      if (waits.length === 0) return keep(delivered)
      const published = Promise.all(waits).then((results) => {
        const total = results.reduce((sum, { sent }) => sum + sent, delivered)
        const failed = results.find((result) => result.failed)
        if (failed === undefined) return total
        if (failed.error instanceof TimeoutError)
          throw Object.assign(new TimeoutError('publish', timeout), { transferred: total })
        throw failed.error
      })
      this.#pending.add(published)
      const done = (): boolean => this.#pending.delete(published)
      published.then(done, done)
      return published
    } catch (error) {
      return Promise.reject(error)
    }
  }

  publishSync(topics: readonly string[], value: T, options: WaitOptions | undefined): number {
    this.requireOpen()
    const timeout = timeoutOf(options)
    const since = performance.now()
    const full: [Member<T>, boolean][] = []
    let delivered = this.#offer(topics, value, (member, last) => full.push([member, last]))
    for (const [member, last] of full) {
      try {
        if (this.noted(() => this.#sendSync(member, value, last, left(timeout, since)))) delivered++
      } catch (error) {
        if (!(error instanceof TimeoutError)) throw error
        throw Object.assign(new TimeoutError('publish', timeout), { transferred: delivered })
      }
    }
    return delivered
  }

  tryPublish(topics: readonly string[], value: T): number {
    this.requireOpen()
    return this.#offer(topics, value, (member, last) => {
      // Dropped: so this was its one message.
      if (last) closeQuietly(member.channel)
    })
  }

  /** Gives the value to all who have room: how many. */
  #offer(topics: readonly string[], value: T, full: Full<T>): number {
    return this.noted(() => {
      let delivered = 0
      let checked = false
      for (const topic of topics) {
        for (const member of this.byTopic.get(topic) ?? []) {
          if (!checked) check(this.codec, value)
          checked = true
          const claim = this.claim(member, topic)
          if (claim === NONE) continue
          const sent = offer(member, value)
          if (sent === undefined) continue
          if (sent) delivered++
          else if (policyOf(member) === 'block') full(member, claim === LAST)
          if (sent && claim === LAST) closeQuietly(member.channel)
        }
      }
      // Whether or not somebody listens, a value is one of the codec.
      if (!checked) check(this.codec, value)
      return delivered
    })
  }

  /** Sends to one who had no room: 1, or 0 if it is gone. The place in its queue is taken before this returns. */
  async #send(
    member: Member<T>,
    value: T,
    last: boolean,
    timeout: number,
    outer: AbortSignal | undefined,
  ): Promise<number> {
    const controller = newController()
    const stopListening = whenAborted(outer, (reason) => controller.abort(reason))
    const stopLooking = this.#lookAfter(member, () => controller.abort(GONE))
    try {
      const { signal } = controller
      await member.channel.send(value, timeout === Number.POSITIVE_INFINITY ? { signal } : { signal, timeout })
      return 1
    } catch (error) {
      if (error === GONE) this.reap(member)
      else if (!isGone(error)) throw error
      return 0
    } finally {
      stopListening()
      stopLooking()
      if (last) closeQuietly(member.channel)
    }
  }

  #sendSync(member: Member<T>, value: T, last: boolean, timeout: number): boolean {
    const since = performance.now()
    try {
      for (;;) {
        const rest = left(timeout, since)
        try {
          member.channel.sendSync(value, { timeout: Math.min(LOOK, rest) })
          return true
        } catch (error) {
          if (isGone(error)) return false
          if (!(error instanceof TimeoutError) || rest <= LOOK) throw error
          if (!this.isThere(member)) {
            this.reap(member)
            return false
          }
        }
      }
    } finally {
      if (last) closeQuietly(member.channel)
    }
  }

  /** While a subscriber of another thread is waited for: calls back once it is no more. Returns what ends that. */
  #lookAfter(member: Member<T>, gone: () => void): () => void {
    if (member.entry[SLOT] === this.arena.slot) return () => {}
    const entry = new TimerEntry(() => {
      if (this.isThere(member)) timers.set(entry, performance.now() + LOOK)
      else gone()
    })
    timers.set(entry, performance.now() + LOOK)
    return () => timers.remove(entry)
  }
}

const GONE = new Error('the subscriber is gone')

/** Sends if there is room, or makes room where the policy says so: whether it was sent; undefined if it is gone. */
function offer<T>(member: Member<T>, value: T): boolean | undefined {
  try {
    for (;;) {
      if (member.channel.trySend(value)) return true
      if (policyOf(member) !== 'drop-old') return false
      member.channel.tryNext()
    }
  } catch (error) {
    if (isGone(error)) return undefined
    throw error
  }
}

/** Waits until all have settled, whatever came of them. */
function settled(
  promises: Promise<unknown>[],
  ms: number,
  timeout: number,
  signal: AbortSignal | undefined,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = watchLimits('shutdown', ms, signal, (reason) => {
      stop()
      const error = reason()
      reject(error instanceof TimeoutError ? new TimeoutError('shutdown', timeout) : error)
    })
    void Promise.allSettled(promises).then(() => {
      stop()
      resolve()
    })
  })
}
