// Messages, as the bindings handle them: taken and written, read and freed. The bytes are plain words, so that who reads what another thread
// still writes, or what has been freed, is found out.

import { Failure } from '../checker/failure.js'
import type { Command, Thread } from '../checker/program.js'
import type { Bench } from '../checker/scenario.js'
import type { ChannelWorld, Shape, World } from './core.js'

type Layout = World['L']
type Steps<R> = Generator<Command, R, number>

/** What stands in the upper half of the value: the same for all messages. */
export const LENGTH = 24
/** The value in the n-th block of a chain is that of the first and so much more. */
const STEP = 100

const blockOf = (L: Layout, at: number): number => at & -L.LINE!

export function payloadOf(L: Layout, block: number, cls: number): number {
  return block + (cls > L.SMALL_CLASS! ? L.MESSAGE_LARGE! : L.MESSAGE_SMALL!)
}

function write(t: Thread, shape: Shape, payload: number, value: number): void {
  t.set(payload, value)
  t.set(payload + shape.bytes - 4, value)
}

/** A message that holds the value. */
export function* takeMessage(t: Thread, shape: Shape, value: number): Steps<number> {
  let first = 0
  for (let k = 0; k < shape.blocks; k++) {
    const payload = yield t.call('message_take', shape.bytes)
    if (payload === 0) throw new Failure('memory', 'no block for a message')
    write(t, shape, payload, value + STEP * k)
    if (first === 0) first = payload
    else yield t.call('message_append', first, payload)
  }
  return first
}

/** The value in the message whose address and length stand at `at`, which is freed. */
export function* openMessage(t: Thread, w: World, at: number, shape: Shape): Steps<number> {
  const { L } = w
  const payload = t.get(at)
  const value = t.get(payload)
  let next = payload
  let k = 0
  for (;;) {
    const words = [t.get(next), t.get(next + shape.bytes - 4)]
    // The last one that was appended comes directly after the first.
    const wanted = value + (k === 0 ? 0 : STEP * (shape.blocks - k))
    if (words.some((v) => v !== wanted) || t.get(at + 4) !== LENGTH)
      throw new Failure('memory', `thread ${t.id}: a message holds ${words}, not ${wanted}, in block ${k}`)
    k++
    const block = t.get(blockOf(L, next) + L.MESSAGE_CHAIN!)
    if (block === 0) break
    next = payloadOf(L, block, t.get(block + L.HEAD_CLASS!))
  }
  if (k !== shape.blocks) throw new Failure('memory', `thread ${t.id}: a message has ${k} blocks`)
  yield* freeMessage(t, w, payload)
  return value
}

/** What is to be sent or freed must be in the thread's hands. */
export function mustHold(t: Thread, w: World, payload: number): void {
  const { L } = w
  let at = t.peek((w.slots[t.id] as number) + L.THREAD_MESSAGES!)
  for (let k = 0; at !== blockOf(L, payload); k++, at = t.peek(at + L.MESSAGE_OWN_NEXT!))
    if (at === 0 || k > 100)
      throw new Failure('memory', `thread ${t.id}: message 0x${payload.toString(16)} is not in its hands`)
}

export function* freeMessage(t: Thread, w: World, payload: number): Steps<void> {
  mustHold(t, w, payload)
  yield t.call('message_free', payload)
}

/** The same for setup and final checks, by thread `t`. */
export function makeMessage(b: Bench, shape: Shape, value: number, t = b.m.main): number {
  let first = 0
  for (let k = 0; k < shape.blocks; k++) {
    const payload = b.as(t, 'message_take', shape.bytes)
    b.check(payload > 0, 'no block for a message')
    for (const at of [payload, payload + shape.bytes - 4]) {
      b.m.pass(at, 4)
      b.i32[at >> 2] = value + STEP * k
    }
    if (first === 0) first = payload
    else b.as(t, 'message_append', first, payload)
  }
  return first
}

/** What the main thread can receive now, freed; undefined if that is nothing. */
export function receiveMessage(b: Bench, w: ChannelWorld): number | undefined {
  b.call('channel_take64', w.ch, w.open)
  const slot = w.slots[b.m.main] as number
  if (b.read(slot + w.L.THREAD_STATUS!) !== w.L.OK) return undefined
  const payload = b.read(slot + w.L.THREAD_VALUE!)
  const value = b.i32[payload >> 2]
  b.call('message_free', payload)
  return value
}

/** All blocks of messages in the arena, and their classes. */
function messageBlocks(b: Bench, L: Layout): Map<number, number> {
  const found = new Map<number, number>()
  for (let page = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!); page < b.read(L.ARENA! + L.ARENA_BREAK!); page += L.PAGE!) {
    const cls = b.read(L.ARENA! + L.ARENA_PAGE_MAP! + (page >> L.PAGE_SHIFT!) * 4) - 1
    if (cls < 0) continue
    const bytes = cls < L.PAGE_CLASS! ? L.LINE! << cls : L.PAGE!
    for (let block = page; block < page + L.PAGE!; block += bytes)
      if (b.read(block + L.HEAD_KIND!) === L.KIND_MESSAGE) found.set(block, cls)
  }
  return found
}

/** What is in use per class but for messages. */
export function withoutMessages(b: Bench, w: World): number[] {
  const base = [...w.base]
  for (const cls of messageBlocks(b, w.L).values()) base[cls]!--
  return base
}

/** Each message is in one place: in a thread's hands, with a waiter, or in a ring. Nobody is in the middle of something. */
export function books(b: Bench, w: World, channels: readonly ChannelWorld[]): void {
  const { L } = w
  const places = new Map<number, string>()
  const bad = (text: string): never => b.fail('memory', text)
  const put = (first: number, place: string): void => {
    for (let block = first, k = 0; block !== 0; block = b.read(block + L.MESSAGE_CHAIN!)) {
      const before = places.get(block)
      if (before !== undefined) bad(`message 0x${block.toString(16)} is in two places: ${before} and ${place}`)
      if (b.read(block + L.HEAD_KIND!) !== L.KIND_MESSAGE) bad(`block 0x${block.toString(16)}, ${place}, is no message`)
      if (++k > 100) bad(`a chain, ${place}, has no end`)
      places.set(block, place)
    }
  }
  w.slots.forEach((slot, t) => {
    const name = t === b.m.main ? 'main' : `t${t}`
    let prev = 0
    for (let at = b.read(slot + L.THREAD_MESSAGES!); at !== 0; at = b.read(at + L.MESSAGE_OWN_NEXT!)) {
      put(at, `in the hands of ${name}`)
      if (b.read(at + L.MESSAGE_OWN_PREV!) !== prev) bad(`the messages of ${name} are not linked both ways`)
      prev = at
    }
    for (let at = b.read(slot + L.THREAD_WAITERS!); at !== 0; at = b.read(at + L.WAITER_OWN_NEXT!))
      if (b.read(at + L.WAITER_LINKED!) & L.LINKED_MESSAGE!)
        put(blockOf(L, b.read(at + L.WAITER_VALUE!)), `with a waiter of ${name}`)
    if (b.read(slot + L.THREAD_PENDING!) !== 0) bad(`${name} has a block that is nowhere`)
    if (b.read(slot + L.THREAD_DUTY!) !== L.DUTY_NONE) bad(`${name} has something to finish`)
  })
  for (const { ch, message } of channels) {
    if (!message || b.read(ch + L.HEAD_KIND!) !== L.KIND_CHANNEL) continue
    const lap = b.read(ch + L.CHANNEL_LAP!)
    for (let p = b.read(ch + L.CHANNEL_HEAD!); p !== b.read(ch + L.CHANNEL_TAIL!); p = (p + 1) >>> 0)
      put(blockOf(L, b.read(ch + L.CHANNEL_SLOTS! + (p & (lap - 1)) * L.VALUE_BYTES!)), 'in the ring')
  }
  for (const block of messageBlocks(b, L).keys())
    if (!places.has(block)) bad(`message 0x${block.toString(16)} is nowhere`)
}
