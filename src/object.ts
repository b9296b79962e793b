import type { Arena } from './arena.js'
import { StaleHandleError } from './errors.js'
import { STALE } from './generated/layout.js'
import { type Handle, makeHandle, type Site } from './handle.js'

/** What stacks, counters and atomics have in common: a place in an arena, a handle, an end. */
export abstract class SharedObject {
  readonly arena: Arena
  /** @internal Address; 0 once disposed of by this object. */ at: number
  /** @internal HEAD_STATE of the open object. */ open: number

  /** @internal */
  constructor(site: Site) {
    this.arena = site.arena
    this.at = site.at
    this.open = site.open
  }

  /** @internal How errors name it. */
  abstract readonly what: string

  /** Frees the memory. Every later use, in any thread, throws StaleHandleError. A second call on this object does nothing. */
  dispose(): void {
    if (this.at === 0) return
    const status = this.arena.core.object_dispose(this.at, this.open)
    this.at = 0
    this.open = -1
    if (status === STALE) throw this.stale()
  }

  [Symbol.dispose](): void {
    this.dispose()
  }

  /** @internal */
  makeHandle<T>(kind: string, codec: string): Handle<T> {
    if (this.at === 0 || this.arena.openState(this.at) !== this.open) throw this.stale()
    return makeHandle<T>({ arena: this.arena, at: this.at, open: this.open }, kind, { name: codec }, 'both')
  }

  /** @internal */
  stale(): StaleHandleError {
    return new StaleHandleError(this.what)
  }
}

/** @internal A new object of that kind. */
export function createObject(arena: Arena, kind: number, bytes: number, what: string): Site {
  const at = arena.made(arena.core.object_create(kind, bytes), what, bytes)
  return { arena, at, open: arena.openState(at) }
}
