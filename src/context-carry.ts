// Contexts in handles: what a context is made of as plain data, and the way back. A handle names the shared part of the context, if it can still end,
// and of those of its ancestors that have one; deadlines, values and the way in which it has ended are in it as they are.

import type { Arena } from './arena.js'
import { any } from './codec/any.js'
import { encoding } from './codec/encoding.js'
import type { MessageCodec, Schema } from './codec/message.js'
import { CANCELED, CancelNode, DEADLINE, Outcome } from './context-node.js'
import { type Place, packed, Share, unpacked } from './context-share.js'
import { decodeBase64 } from './core.js'
import { typeError } from './errors.js'
import { messagesOf } from './message-memory.js'

/** A shared part, and those above it. */
export interface Link {
  readonly done: Place
  readonly record: Place
  readonly users: Place
  /** Of its deadline: ms since 1970 by the thread's own clock, as Date tells it, and its cause. */
  readonly until?: number
  readonly due?: number
  readonly cause?: string
  readonly parent?: Link
}

/** What a handle of a context says. */
export interface Carriage {
  readonly label: string
  readonly link?: Link
  readonly ended?: string
  readonly values?: string
  /** Whether who cancels it says why. */
  readonly causes?: boolean
}

export type Value = readonly [key: unknown, value: unknown]

/** A symbol as a key: what Symbol.for knows it by. */
type KeyForm = readonly [isSymbol: boolean, key: unknown]

function base64(bytes: Uint8Array): string {
  let text = ''
  for (let i = 0; i < bytes.length; i += 8192) text += String.fromCharCode(...bytes.subarray(i, i + 8192))
  return btoa(text)
}

function toText<T>(arena: Arena, value: T): string {
  return base64(messagesOf(arena).pack(any() as MessageCodec<T>, value))
}

function fromText<T>(arena: Arena, text: string): T {
  const u8 = decodeBase64(text)
  return any<T>().decode({ u8, view: new DataView(u8.buffer, u8.byteOffset, u8.byteLength), arena }, 0, u8.length)
}

/** Whether `any` carries it in that arena. */
function fits(arena: Arena, value: unknown): boolean {
  const before = encoding.arena
  encoding.arena = arena
  try {
    any().measure(value)
    return true
  } catch {
    return false
  } finally {
    encoding.arena = before
  }
}

function keyForm(key: unknown): KeyForm | undefined {
  if (typeof key === 'symbol') {
    const name = Symbol.keyFor(key)
    return name === undefined ? undefined : [true, name]
  }
  return typeof key === 'object' || typeof key === 'function' ? undefined : [false, key]
}

/** The values as text; undefined if there are none that can be carried. */
export function packValues(arena: Arena, values: readonly Value[]): string | undefined {
  const entries: [KeyForm, unknown][] = []
  for (const [key, value] of values) {
    const form = keyForm(key)
    if (form !== undefined && fits(arena, value)) entries.push([form, value])
  }
  return entries.length === 0 ? undefined : toText(arena, entries)
}

export function unpackValues(arena: Arena, text: string): Map<unknown, unknown> {
  const entries = fromText<[KeyForm, unknown][]>(arena, text)
  return new Map(entries.map(([[isSymbol, key], value]) => [isSymbol ? Symbol.for(key as string) : key, value]))
}

export function packEnd(arena: Arena, outcome: Outcome): string {
  return toText(arena, packed(outcome))
}

export function unpackEnd(arena: Arena, text: string): Outcome {
  return unpacked(fromText(arena, text))
}

/** The link of a node that other threads see; of an ancestor only if it is so already. */
export function linkOf(arena: Arena, node: CancelNode, share: Share): Link {
  let parent: Link | undefined
  for (let above = node.parent; above !== undefined && parent === undefined; above = above.parent) {
    const shared = Share.of(above, arena)
    if (shared !== undefined) parent = linkOf(arena, above, shared)
  }
  const cause = node.until === Number.POSITIVE_INFINITY ? undefined : node.deadlineCause
  return {
    ...share.places,
    ...(node.until === Number.POSITIVE_INFINITY ? {} : { until: performance.timeOrigin + node.until, due: node.due }),
    ...(cause === undefined || cause === null ? {} : { cause: packEnd(arena, new Outcome(DEADLINE, cause)) }),
    ...(parent === undefined ? {} : { parent }),
  }
}

/** The node that a link leads to; undefined if it is no more. */
export function nodeOf(arena: Arena, link: Link): CancelNode | undefined {
  const places = checked(link)
  return Share.open(arena, places, () => {
    const parent = link.parent === undefined ? undefined : nodeOf(arena, link.parent)
    const { until, due, cause } = link
    if (typeof until !== 'number') return new CancelNode(parent)
    return new CancelNode(parent, {
      at: until - performance.timeOrigin,
      due: due as number,
      cause: cause === undefined ? undefined : unpackEnd(arena, cause).given,
    })
  })
}

/** How a context has ended that is no more, as far as its handle tells. */
export function endOf(arena: Arena, { until, cause }: Link): Outcome {
  if (until === undefined || until > performance.timeOrigin + performance.now()) return new Outcome(CANCELED)
  return new Outcome(DEADLINE, cause === undefined ? undefined : unpackEnd(arena, cause).given)
}

function checked({ done, record, users }: Link): Link {
  for (const place of [done, record, users]) {
    if (!Array.isArray(place) || place.length !== 2 || !place.every(Number.isInteger))
      throw typeError('the handle of a context does not say where it is: take it from ctx.handle')
  }
  return { done, record, users }
}

/** What a handle says. @throws TypeError unless it is that of a context. */
export function carriageOf(schema: Schema | undefined): Carriage {
  const said = schema as Partial<Carriage> | undefined
  if (typeof said !== 'object' || said === null || typeof said.label !== 'string')
    throw typeError('the handle is not of a context: take it from ctx.handle')
  return said as Carriage
}
