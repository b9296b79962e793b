// One of a few strings, as its number.

import { rangeError, show, typeError } from '../errors.js'
import { corrupt, noRoom, refusal, wrongLength } from './failure.js'
import { type FixedCodec, sealed } from './message.js'
import { interned } from './parts.js'

const MOST = 65536

/**
 * One of the given strings. Takes one byte, or two if there are more than 256 of them.
 *
 * @throws TypeError unless the values are strings that differ; RangeError for none, or more than 65,536.
 * @example
 * const side = enumOf('buy', 'sell') // FixedCodec<'buy' | 'sell'>
 */
export function enumOf<const V extends readonly [string, ...string[]]>(...values: V): FixedCodec<V[number]> {
  const all: readonly string[] = [...values]
  if (all.length === 0 || all.length > MOST) {
    throw rangeError(`enumOf takes from 1 to ${MOST} strings, not ${all.length}`)
  }
  const numbers = new Map<string, number>()
  for (const value of all) {
    if (typeof value !== 'string') throw typeError(`enumOf takes strings, not ${show(value)}`)
    if (numbers.has(value)) throw typeError(`enumOf takes each string once: ${show(value)} is there twice`)
    numbers.set(value, numbers.size)
  }
  const size = all.length <= 256 ? 1 : 2
  const name = `enumOf(${all.map((value) => JSON.stringify(value)).join(',')})`
  return interned(name, [], () =>
    sealed<FixedCodec<string>>({
      name,
      shape: 'message',
      schema: Object.freeze(['enumOf', ...all] as const),
      size,
      measure: () => size,
      encode(value, memory, at, limit) {
        const number = numbers.get(value)
        if (number === undefined) throw refusal(typeError, `${listed(all)} has no ${show(value)}`)
        if (size > limit - at) throw noRoom(name, size, limit - at)
        if (size === 1) memory.u8[at] = number
        else memory.view.setUint16(at, number, true)
        return at + size
      },
      decode(memory, at, end) {
        if (end - at !== size) throw wrongLength(name, size, end - at)
        const number = size === 1 ? (memory.u8[at] as number) : memory.view.getUint16(at, true)
        if (number >= all.length) throw corrupt(name, `it has the number ${number}, of ${all.length} values`)
        return all[number] as string
      },
    }),
  ) as FixedCodec<V[number]>
}

/** The values in a message for people. */
function listed(values: readonly string[]): string {
  const more = values.length > 8 ? ',…' : ''
  return `enumOf(${values.slice(0, 8).map(show).join(',')}${more})`
}
