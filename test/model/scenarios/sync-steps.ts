// What scenarios of the sync package share: an arena with an object in a place, the waiting of the bindings, and what must hold at the end.

import type { Program, Thread } from '../checker/program.js'
import type { Bench, Scenario } from '../checker/scenario.js'
import { audit } from './audit.js'
import { attach, coreRecipe, numberOf, type Style, settleBase, untilReady, type World } from './core.js'
import { impatient } from './meeting.js'

export type Steps<R> = Generator<ReturnType<Thread['call']>, R, number>

/** Few places in a page: a look at all of them is the same with three as with sixty. */
export const syncRecipe = {
  ...coreRecipe,
  modules: ['sync', 'ledger', 'mutex', 'once', 'rwmutex', 'cond', 'semaphore', 'wait-group', 'barrier'],
  constants: { ...coreRecipe.constants, SYNC_BYTES: 1024 },
}

/** Who waits for a thread inside a section gives up at once: see `impatient` in meeting.ts. */
export const impatientSync: Partial<Scenario> = {
  ...impatient,
  recipe: { ...impatient.recipe!, ...syncRecipe } as Scenario['recipe'],
}

export interface SyncWorld extends World {
  /** Address and HEAD_STATE of the object. */
  o: number
  open: number
  /** A plain word that is the caller's, in the object's place. */
  own: number
}

/** An arena with one object. `create` is the call that makes it; `kind` the prefix of its fields in layout.ts. */
export function make(b: Bench, kind: string, create: string, ...args: number[]): SyncWorld {
  const base = attach(b)
  const o = b.name(b.call(create, ...args), kind.toLowerCase(), kind)
  return settleBase(b, { ...base, o, open: b.read(o + base.L.HEAD_STATE!), own: o + base.L.SYNC_BYTES! - 4 })
}

/** Sleeps until the wait of a parked waiter has ended: its outcome, or 'timeout' where it has been cancelled. */
export function* waited(t: Thread, w: World, waiter: number, style: Style): Steps<number | 'timeout'> {
  const { L } = w
  if (style === 'async') yield* untilReady(t, w)
  else
    while ((yield t.call('waiter_wait', waiter, style === 'timed' ? 1 : -1)) === L.WAITING) {
      if (style !== 'timed') continue
      let state = L.BUSY!
      while (state === L.BUSY) state = yield t.call('waiter_cancel', waiter)
      if (state !== L.CANCELLED) break
      yield t.call('waiter_release', waiter)
      return 'timeout'
    }
  const outcome = t.get(waiter + L.WAITER_OUTCOME!)
  yield t.call('waiter_release', waiter)
  return outcome
}

/** Serves all that can be served, as SyncObject.serve. */
export function* served(t: Thread, w: SyncWorld, settle: string): Steps<void> {
  while ((yield t.call(settle, w.o, w.open)) === w.L.UNSETTLED);
}

/** Calls until nobody is in the way, then serves, as SyncObject.persist. */
export function* settledAfter(t: Thread, w: SyncWorld, name: string, settle: string): Steps<number> {
  for (;;) {
    const status = yield t.call(name, w.o, w.open)
    if (status === w.L.BUSY) continue
    if (status !== w.L.UNSETTLED) return status
    yield* served(t, w, settle)
    return w.L.TOLD!
  }
}

/** The token of a waiter of that style. */
export const tokenOf = (w: World, style: Style): number => (style === 'async' ? 0 : w.L.TOKEN_BLOCKING! | 0)

/** What follows a death: the slot is freed, then what the dead held is given on. */
export function* mender(t: Thread): Program {
  const victim: number = yield t.death()
  yield t.call('thread_reap', numberOf(victim))
  yield t.begin('mend', victim)
  yield t.call('sync_mend')
  yield t.end('ok')
}

/** At the end nobody is parked, nobody holds the queue, and no block is lost. */
export function settled(b: Bench, w: SyncWorld): void {
  const { L, o } = w
  if (b.read(o + L.HEAD_STATE!) === w.open) {
    b.check(b.read(o + L.CHANNEL_LOCK!) === 0, 'the lock of the queue is held')
    b.check(b.read(o + L.CHANNEL_RECVQ!) === 0 && b.read(o + L.CHANNEL_SENDQ!) === 0, 'somebody is still parked')
  }
  audit(b, w)
}

/** The world with so many ledgers more in use. */
export function withLedgers<W extends SyncWorld>(w: W, more: number): W {
  const { L } = w
  const cls = Math.ceil(Math.log2(L.LEDGER_ENTRIES! + L.LEDGER_ENTRY! * L.MAX_THREADS!)) - L.CLASS_SHIFT!
  return { ...w, base: w.base.map((n, c) => (c === Math.max(0, cls) ? n + more : n)) }
}
