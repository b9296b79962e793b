// tee: one source for several consumers, each value for all of them.

import { rangeError, show } from '../errors.js'
import { checkFan, type FanOptions, Forwarding } from './fan-in.js'
import { checkCount } from './options.js'
import { Inlet, type Outlet } from './outlet.js'
import { checkSource, type Source } from './source-of.js'

/**
 * What happens to a value for a consumer whose buffer is full: its sender waits ('block'), the value is dropped for that consumer ('drop-new'), or the
 * oldest one in the buffer is ('drop-old').
 */
export type OverflowPolicy = 'block' | 'drop-new' | 'drop-old'

/** @internal Throws unless it is one of them. 'drop-old' needs something that can be dropped. */
export function checkPolicy(what: string, policy: unknown, buffer: number): void {
  if (policy !== 'block' && policy !== 'drop-new' && policy !== 'drop-old')
    throw rangeError(`the policy of ${what} is 'block', 'drop-new' or 'drop-old', not ${show(policy)}`)
  if (policy === 'drop-old' && buffer === 0)
    throw rangeError(`with the policy 'drop-old' the buffer of ${what} is at least 1`)
}

export interface TeeOptions extends FanOptions {
  /** Default 'block': the slowest consumer sets the pace. */
  policy?: OverflowPolicy | undefined
}

/**
 * Gives every value of a source to each of `n` consumers, in order. The slowest sets the pace, within the buffers, unless the policy says that what it
 * cannot take is dropped for it. All outlets are closed when the source has ended; its error comes out of each.
 *
 * A consumer that wants no more cancels its outlet (`outlet.cancel()`, or `using`): the others go on without it, and with the last one the source is
 * told to end, as by the signal. One that just stops receiving holds up the others for ever.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense.
 * @example
 * const [toDisk, toScreen] = tee(events, 2, { buffer: 16 })
 * await Promise.all([save(toDisk), show(toScreen)])
 */
export function tee<T>(source: Source<T>, n: number, options: TeeOptions = {}): Outlet<T>[] {
  checkSource('tee', source)
  checkCount('the number of outlets of tee', n, 1)
  checkFan('tee', options)
  const { buffer = 0, policy = 'block' } = options
  checkPolicy('tee', policy, buffer)
  const inlets = Array.from({ length: n }, () => new Inlet<T>(buffer))
  const live = new Set(inlets)
  const forwarding = new Forwarding(inlets as Inlet<never>[], options.signal)
  for (const inlet of inlets) {
    inlet.onCancel = () => {
      live.delete(inlet)
      if (live.size === 0) forwarding.stop()
    }
  }
  const give = (inlet: Inlet<T>, value: T): Promise<void> | undefined => {
    if (inlet.trySend(value) || policy === 'drop-new') return undefined
    if (policy === 'drop-old') {
      inlet.tryReceive()
      inlet.trySend(value)
      return undefined
    }
    // One that is cancelled meanwhile holds nobody up.
    return inlet.send(value).catch(() => {})
  }
  const giveAll = async (value: T): Promise<void> => {
    const waits = [...live].map((inlet) => give(inlet, value)).filter((wait) => wait !== undefined)
    await Promise.all(waits)
  }
  void forwarding.forward(source, giveAll).then(() => forwarding.stop())
  return inlets.map((inlet) => inlet.outlet)
}
