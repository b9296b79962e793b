// What deques, their stealers and injectors have in common: values of a codec in a place, and three ways in which stealing may end.

import type { Arena } from './arena.js'
import { arenaOption } from './channel-codecs.js'
import { type Codec, codecById, requireCodec } from './codec/index.js'
import { type DequeCore, dequeCore } from './deque-core.js'
import { rangeError, show, typeError } from './errors.js'
import { DEQUE_CODEC, NO_MEMORY, RETRY, STALE, SYNC_BYTES, WOULD_BLOCK } from './generated/layout.js'
import { type Handle, makeHandle, type Site } from './handle.js'
import { SharedObject } from './object.js'

/**
 * How an attempt to steal has ended. `retry` is not `empty`: another thread was faster, or is about to push, and there may be more. Try again, or
 * look elsewhere first and come back.
 */
export type Steal<T> =
  | { readonly status: 'success'; readonly value: T }
  | { readonly status: 'empty'; readonly value?: undefined }
  | { readonly status: 'retry'; readonly value?: undefined }

export interface StealOptions {
  /** Values to move at most, the one that is returned included: an integer, 1 or more. Default 256. */
  limit?: number
}

export interface InjectorOptions {
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
  /** What errors call it. It travels in the handle. */
  name?: string
}

const EMPTY: Steal<never> = Object.freeze({ status: 'empty' })
const AGAIN: Steal<never> = Object.freeze({ status: 'retry' })
const LIMIT = 256

/** Base of deques, their stealers and injectors. */
export abstract class Stealable<T> extends SharedObject {
  /** Which values it carries. */
  readonly codec: Codec<T>
  /** What errors call it, as given where it was made. */
  readonly name: string | undefined
  /** @internal */
  readonly deques: DequeCore

  /** @internal */
  constructor(site: Site, codec: Codec<T>, name: string | undefined) {
    super(site)
    this.codec = codec
    this.name = name
    this.deques = dequeCore(site.arena)
  }

  /** @internal Its name, in errors. */
  get title(): string {
    return this.name === undefined ? this.what : `${this.what} ${show(this.name)}`
  }

  /** @internal */
  handleAs<H>(kind: string): Handle<H> {
    if (this.at === 0 || this.arena.openState(this.at) !== this.open) throw this.stale()
    const { arena, at, open } = this
    const handle = makeHandle<H>({ arena, at, open }, kind, { name: this.codec.name }, 'both')
    return this.name === undefined ? handle : { ...handle, name: this.name }
  }

  /** @internal The length that the core has given. */
  counted(length: number): number {
    if (length < 0) throw this.stale()
    return length
  }

  /** @internal What the core said instead of a value. */
  refused(bytes: () => number): Steal<never> {
    const status = this.arena.status()
    if (status === WOULD_BLOCK) return EMPTY
    if (status === RETRY) return AGAIN
    if (status === NO_MEMORY) throw this.arena.full(this.title, bytes())
    throw this.stale()
  }

  /** @internal Throws for a push that did not come about. */
  notPushed(bytes: () => number): never {
    if (this.arena.status() === STALE) throw this.stale()
    throw this.arena.full(this.title, bytes())
  }
}

/** @internal */
export function limitOf(options: StealOptions | undefined): number {
  if (options === undefined) return LIMIT
  if (typeof options !== 'object' || options === null)
    throw typeError(`stealing a batch takes options { limit }, not ${show(options)}`)
  const { limit = LIMIT } = options
  if (typeof limit !== 'number') throw typeError(`limit is a number of values, not ${show(limit)}`)
  if (!Number.isInteger(limit) || limit < 1 || limit > 2 ** 31 - 1)
    throw rangeError(`limit is an integer from 1 to ${2 ** 31 - 1}, not ${show(limit)}`)
  return limit
}

/** @internal Makes one, after its arguments have been looked at. */
export function makeStealable<T>(
  className: string,
  codec: Codec<T>,
  options: InjectorOptions | undefined,
  keys: string,
  create: (core: DequeCore) => number,
): { site: Site; name: string | undefined } {
  requireCodec(codec, className)
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw typeError(`${className} takes options { ${keys} }, not ${show(options)}`)
  const name = options?.name
  if (name !== undefined && typeof name !== 'string') throw typeError(`name is a string, not ${show(name)}`)
  const arena = arenaOption(options?.arena)
  const at = arena.made(create(dequeCore(arena)), `a ${className}`, SYNC_BYTES)
  return { site: { arena, at, open: arena.openState(at) }, name }
}

/** @internal The codec of what a handle leads to. */
export function codecAt(site: Site, what: string): Codec<unknown> {
  const codec = codecById(site.arena.u32[(site.at + DEQUE_CODEC) >>> 2] as number)
  if (codec === undefined) throw typeError(`${what} carries a codec that this version of millrace does not know`)
  return codec as Codec<unknown>
}
