// select: what the type checker must know of a hit, and what it must refuse. Compiled, never run.

import { bool, type Channel, channel, f64, i64, type Next, unit } from 'millrace'
// The library's own, once it has them.
import {
  merge,
  never,
  type RecvCase,
  recv,
  Selector,
  select,
  selectSync,
  send,
  trySelect,
} from '../support/contract.js'
import { check, type Same } from './support.js'

const numbers = channel(f64, { capacity: 1 })
const bigints = channel(i64, { capacity: 1 })
const quit = channel(unit, { capacity: 1 })
const maybe: Channel<boolean> | null = Math.random() < 0.5 ? channel(bool, { capacity: 1 }) : null

async function narrowing(): Promise<void> {
  const hit = await select(
    { job: recv(numbers), big: recv(bigints.receiver), quit: recv(quit), out: send(numbers, 1), maybe: recv(maybe) },
    { timeout: 50, signal: new AbortController().signal, biased: true },
  )
  check<Same<typeof hit.case, 'job' | 'big' | 'quit' | 'out' | 'maybe'>>()
  switch (hit.case) {
    case 'job':
      check<Same<typeof hit.value, number | undefined>>()
      if (hit.done) check<Same<typeof hit.value, undefined>>()
      else check<Same<typeof hit.value, number>>()
      break
    case 'big':
      if (!hit.done) check<Same<typeof hit.value, bigint>>()
      break
    case 'quit':
      check<Same<typeof hit.value, undefined>>()
      break
    case 'out':
      check<Same<typeof hit.value, undefined>>()
      check<Same<typeof hit.done, false>>()
      break
    case 'maybe':
      if (!hit.done) check<Same<typeof hit.value, boolean>>()
      break
    default:
      // Every case was named.
      hit satisfies never
  }
  // @ts-expect-error no such case
  hit.case === 'jobs'
}

async function forms(): Promise<void> {
  const blocking = selectSync({ a: recv(numbers) }, { timeout: 1 })
  check<Same<typeof blocking.case, 'a'>>()
  if (!blocking.done) check<Same<typeof blocking.value, number>>()
  const tried = trySelect({ a: recv(numbers), b: send(bigints, 1n) }, { biased: true })
  // @ts-expect-error nothing may have been ready
  tried.case
  if (tried?.case === 'b') check<Same<typeof tried.done, false>>()
  // Cases that are off, always or at times.
  const some = await select({ a: Math.random() < 0.5 ? recv(numbers) : null, off: undefined, none: null })
  check<Same<typeof some.case, 'a'>>()
  if (!some.done) check<Same<typeof some.value, number>>()
  const kept: RecvCase<number> = recv(numbers.receiver)
  const again = await select({ kept })
  if (!again.done) check<Same<typeof again.value, number>>()
}

// Nothing comes of a select of nothing, and the type checker knows.
async function empty(): Promise<void> {
  const nothing = await select({})
  check<Same<typeof nothing, never>>()
  const off = await select({ a: null, b: undefined })
  check<Same<typeof off, never>>()
  const tried = trySelect({})
  check<Same<typeof tried, undefined>>()
}

async function nobody(): Promise<void> {
  const hit = await select({ a: recv(never), b: send(never, 1), c: recv(numbers) })
  if (hit.case === 'c' && !hit.done) check<Same<typeof hit.value, number>>()
  if (hit.case === 'a' && !hit.done) check<Same<typeof hit.value, never>>()
}

// DIR-4: the wrong half.
// @ts-expect-error a sender does not receive
recv(numbers.sender)
// @ts-expect-error a receiver does not send
send(numbers.receiver, 1)
// @ts-expect-error
recv(1)
// @ts-expect-error
send('numbers', 1)
// @ts-expect-error the value is the channel's
send(numbers, '1')
// @ts-expect-error
send(bigints, 1)
// @ts-expect-error a send says what
send(numbers)
// @ts-expect-error cases are made by recv and send
select({ a: numbers })
// @ts-expect-error
select({ a: recv(numbers) }, { timeout: '5' })
// @ts-expect-error
select({ a: recv(numbers) }, { deadline: 5 })
// @ts-expect-error a try does not wait
trySelect({ a: recv(numbers) }, { timeout: 5 })
// @ts-expect-error
select({ a: recv(numbers) }, { biased: 1 })

async function selectors(): Promise<void> {
  using selector = new Selector({ a: recv(numbers), b: send(numbers, 0), c: recv(bigints), off: null })
  const hit = await selector.select({ timeout: 5 })
  check<Same<typeof hit.case, 'a' | 'b' | 'c'>>()
  if (hit.case === 'c' && !hit.done) check<Same<typeof hit.value, bigint>>()
  selector.enable('a')
  selector.disable('off')
  selector.set('b', 42)
  const blocking = selector.selectSync({ biased: true })
  if (blocking.case === 'b') check<Same<typeof blocking.value, undefined>>()
  const tried = selector.trySelect()
  // @ts-expect-error nothing may have been ready
  tried.case
  // @ts-expect-error no such case
  selector.enable('d')
  // @ts-expect-error no such case
  selector.disable('d')
  // @ts-expect-error a receive case has no value
  selector.set('a', 42)
}

async function merged(): Promise<void> {
  const both = merge(numbers, numbers.receiver, never)
  check<Same<Awaited<ReturnType<typeof both.next>>, Next<number>>>()
  for await (const v of both) check<Same<typeof v, number>>()
  const hit = await select({ both: recv(both) })
  if (!hit.done) check<Same<typeof hit.value, number>>()
  // @ts-expect-error a merged channel does not send
  both.send(1)
  // @ts-expect-error nor close
  both.close()
  // @ts-expect-error a sender cannot be merged
  merge(numbers.sender)
}

async function onlySends(): Promise<void> {
  const hit = await select({ out: send(numbers, 1), other: send(bigints, 1n) })
  check<Same<typeof hit.case, 'out' | 'other'>>()
  check<Same<typeof hit.value, undefined>>()
}

export { empty, forms, merged, narrowing, nobody, onlySends, selectors }
