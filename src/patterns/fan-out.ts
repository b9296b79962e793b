// fanOut: one source for several consumers, each value for one of them.

import { checkFan, type FanOptions, Forwarding } from './fan-in.js'
import { checkCount } from './options.js'
import { Inlet, type Outlet } from './outlet.js'
import { checkSource, type Source } from './source-of.js'

/**
 * Divides the values of a source among `n` consumers: each value goes to one of them, whoever is free, so that one that is slow does not hold up the
 * others. All outlets are closed when the source has ended; its error comes out of each. (Several receivers of one channel need no `fanOut`: they
 * divide its values anyway.)
 *
 * The source is read one value ahead, and as many as the buffer holds. It is told to end when the signal is aborted, or one outlet is cancelled:
 * that gives up for all. A consumer that just stops receiving leaves its share to the others.
 *
 * @throws TypeError (ERR_INVALID_ARG_TYPE), RangeError (ERR_OUT_OF_RANGE) for arguments that make no sense.
 * @example
 * const consumers = fanOut(jobs, 4).map(async (mine) => {
 *   for await (const job of mine) await handle(job)
 * })
 * await Promise.all(consumers)
 */
export function fanOut<T>(source: Source<T>, n: number, options: FanOptions = {}): Outlet<T>[] {
  checkSource('fanOut', source)
  checkCount('the number of outlets of fanOut', n, 1)
  checkFan('fanOut', options)
  const inlet = new Inlet<T>(options.buffer ?? 0)
  const forwarding = new Forwarding([inlet as Inlet<never>], options.signal)
  inlet.onCancel = () => forwarding.stop()
  void forwarding.forward(source, (value) => inlet.send(value)).then(() => forwarding.stop())
  return Array.from({ length: n }, (_, i) => (i === 0 ? inlet.outlet : inlet.another()))
}
