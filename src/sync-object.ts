import type { Arena } from './arena.js'
import { arenaOption } from './channel-codecs.js'
import { PoisonedError, show, TimeoutError, typeError } from './errors.js'
import { BUSY, FINE, NO_MEMORY, STALE, SYNC_BYTES, TOLD, UNSETTLED, WAITER_BYTES } from './generated/layout.js'
import { type Handle, makeHandle, type Site } from './handle.js'
import { SharedObject } from './object.js'
import { type SyncCore, syncCore } from './sync-core.js'
import { nap, type Operation, outcomeOf, release, TIMED_OUT, waitSync } from './wait.js'

export interface SyncOptions {
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
  /** What errors call it. It travels in the handle. */
  name?: string
}

/** What the objects of the sync package have in common: a place in an arena, a name, a handle, an end. */
export abstract class SyncObject extends SharedObject {
  /** What errors call it, as given where it was made. */
  readonly name: string | undefined
  /** @internal */
  readonly core: SyncCore

  /** @internal */
  constructor(site: Site, name: string | undefined) {
    super(site)
    this.name = name
    this.core = syncCore(site.arena)
  }

  /** Frees the place. Who waits for it, and every later use in any thread, throws StaleHandleError. A second call on this object does nothing. */
  override dispose(): void {
    if (this.at === 0) return
    const status = this.core.sync_dispose(this.at, this.open)
    this.at = 0
    this.open = -1
    this.arena.loop.poll()
    if (status === STALE) throw this.stale()
  }

  /** @internal Its name, in errors. */
  get title(): string {
    return this.name === undefined ? this.what : `${this.what} ${show(this.name)}`
  }

  /** @internal */
  syncHandle<T>(kind: string): Handle<T> {
    if (this.at === 0 || this.arena.openState(this.at) !== this.open) throw this.stale()
    const { arena, at, open } = this
    const handle = makeHandle<T>({ arena, at, open }, kind, { name: '' }, 'both')
    return this.name === undefined ? handle : { ...handle, name: this.name }
  }

  /** @internal Serves who is parked and can be served: BUSY or UNSETTLED if a thread is in the way. For those whose calls of the core may say UNSETTLED. */
  settle(): number {
    return FINE
  }

  /** @internal Calls the core until nobody is in the way, sees to it that all are served, and tells those of this event loop. */
  persist(call: () => number, first = call()): number {
    let status = first
    while (status === BUSY) {
      nap(this.arena)
      status = call()
    }
    if (status === UNSETTLED) {
      this.serve()
      status = TOLD
    }
    if (status === TOLD) this.arena.loop.poll()
    return status
  }

  /** @internal Serves all that can be served, and tells nobody of this event loop yet: for who has just parked. */
  serve(): void {
    for (let status = this.settle(); status === UNSETTLED || status === BUSY; status = this.settle()) nap(this.arena)
  }

  /** @internal Blocks until the operation has an end, whose status it gives. @throws TimeoutError, which names the method. */
  block(operation: Operation, method: string, timeout: number): number {
    const end = waitSync(this.arena, operation, timeout)
    if (end === TIMED_OUT) throw new TimeoutError(this.called(method), timeout)
    const status = outcomeOf(this.arena, end)
    release(this.arena, end)
    return status
  }

  /** @internal What errors call an operation of it. */
  called(method: string): string {
    return this.name === undefined ? method : `${method} of ${this.title}`
  }

  /** @internal The error of a lock that nobody gets any more, for its owner has died. */
  refusal(): PoisonedError {
    return new PoisonedError(
      `${this.title} was held by a thread that died: what it guards may be half changed. Put that right, then call clearPoison()`,
    )
  }

  /** @internal Throws for what no operation can go on from. */
  check(status: number): void {
    if (status === STALE) throw this.stale()
    if (status === NO_MEMORY) throw this.arena.full('a waiter', WAITER_BYTES)
  }
}

/** @internal A new object of the sync package. */
export function createSync(
  options: SyncOptions | undefined,
  className: string,
  create: (core: SyncCore) => number,
  bytes = SYNC_BYTES,
): { site: Site; name: string | undefined } {
  if (options !== undefined && (typeof options !== 'object' || options === null))
    throw typeError(`${className} takes options { arena, name }, not ${show(options)}`)
  const name = options?.name
  if (name !== undefined && typeof name !== 'string') throw typeError(`name is a string, not ${show(name)}`)
  const arena = arenaOption(options?.arena)
  const at = arena.made(create(syncCore(arena)), `a ${className}`, bytes)
  return { site: { arena, at, open: arena.openState(at) }, name }
}

/** @internal How `open` finds out whether an object of the sync package is there. */
export function checkSync(arena: Arena, at: number, kind: number, open: number): boolean {
  return syncCore(arena).sync_check(at, kind, open) !== 0
}

/** @internal The name that has come with a handle. */
export function nameOf(handle: Handle<unknown>): string | undefined {
  const { name } = handle
  return typeof name === 'string' ? name : undefined
}
