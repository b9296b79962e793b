import type { Handle } from './handle.js'
import type { Guard } from './mutex.js'
import type { RWMutex } from './rwmutex.js'
import type { WaitOptions } from './wait.js'

/** The readers' side of an RWMutex as a lock of its own, as Go's RLocker: `lock` takes a read lock, `unlock` gives it up. */
export class RLocker {
  /** The lock that this is a side of. */
  readonly rwmutex: RWMutex

  /** @internal */
  constructor(rwmutex: RWMutex) {
    this.rwmutex = rwmutex
  }

  /** RWMutex.rlock. */
  lock(options?: WaitOptions): Promise<Guard> {
    return this.rwmutex.rlock(options)
  }

  /** RWMutex.rlockSync. */
  lockSync(options?: WaitOptions): Guard {
    return this.rwmutex.rlockSync(options)
  }

  /** RWMutex.tryRLock. */
  tryLock(): boolean {
    return this.rwmutex.tryRLock()
  }

  /** RWMutex.runlock. */
  unlock(): void {
    this.rwmutex.runlock()
  }

  /** RWMutex.withRLock. */
  withLock<R>(run: (guard: Guard) => R | PromiseLike<R>, options?: WaitOptions): Promise<R> {
    return this.rwmutex.withRLock(run, options)
  }

  /** RWMutex.withRLockSync. */
  withLockSync<R>(run: (guard: Guard) => R, options?: WaitOptions): R {
    return this.rwmutex.withRLockSync(run, options)
  }

  get handle(): Handle<RLocker> {
    return { ...this.rwmutex.syncHandle<RLocker>('rwmutex'), view: 'receive' }
  }
}
