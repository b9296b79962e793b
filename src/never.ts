// never: Go's nil channel.

import { silence } from './clock.js'
import { ClosedError, TimeoutError } from './errors.js'
import { watchLimits } from './limits.js'
import { doze, LocalChannel } from './local-channel.js'
import { platform } from './platform/index.js'
import { requireBlocking, timeoutOf, type WaitOptions } from './wait.js'

/** The class of {@link never}. */
export class Never extends LocalChannel<never> {
  /** @internal */
  constructor() {
    super(silence)
  }

  /** Waits until its timeout or its signal ends it. @throws TimeoutError (ERR_TIMEOUT) or the signal's reason. */
  send(_value: unknown, options?: WaitOptions): Promise<void> {
    return new Promise((_resolve, reject) => {
      const timeout = timeoutOf(options)
      if (timeout === 0) throw new TimeoutError('send', timeout)
      const stopWatching = watchLimits('send', timeout, options?.signal, (reason) => {
        stopWatching()
        reject(reason())
      })
    })
  }

  /** Blocks until its timeout. @throws TimeoutError (ERR_TIMEOUT); BlockingNotAllowedError (ERR_BLOCKING_NOT_ALLOWED). */
  sendSync(_value: unknown, options?: WaitOptions): void {
    requireBlocking(platform, 'sendSync', 'send')
    const timeout = timeoutOf(options)
    const deadline = performance.now() + timeout
    while (performance.now() < deadline) doze(deadline)
    throw new TimeoutError('send', timeout)
  }

  /** Always false. */
  trySend(_value: unknown): boolean {
    return false
  }

  /** @throws ClosedError (`close of nil channel`), always. */
  close(): void {
    throw new ClosedError('close of nil channel')
  }
}

/**
 * A channel that nobody is ever on, as Go's nil channel: sending and receiving wait for ever, and in a select its case is switched off. It
 * keeps no process alive.
 */
export const never: Never = new Never()
