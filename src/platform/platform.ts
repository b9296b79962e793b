// What differs between the platforms. Nothing outside src/platform/ knows them apart.

/** Keeps the event loop alive while it is held. */
export interface Hold {
  hold(): void
  release(): void
}

/** A timer that can be set again and again. */
export interface Alarm {
  /** To ring once, in `ms` milliseconds: an integer up to 2^31 - 1. Replaces what was set before. */
  set(ms: number): void
  /** Whether it keeps the event loop alive while it is set. At first it does not. */
  hold(holding: boolean): void
}

export interface Platform {
  readonly name: string
  /** A number of the calling thread that no other live thread of the process has; at least 1. */
  readonly threadId: number
  /** The threadId of a thread without which the calling one does not live; 0 if there is none, or it is not known. */
  readonly parentId: number
  /** Whether the calling thread may sleep in `Atomics.wait`. */
  readonly canBlock: boolean
  readonly cpuCount: number
  /** Whether an object is a worker of this platform. */
  isWorker(worker: object): boolean
  createHold(): Hold
  createAlarm(ring: () => void): Alarm
  /** Calls back once, in a turn of the event loop of its own: what it throws is an uncaught error, and does not touch others. */
  nextTurn(callback: () => void): void
  /** Calls back with the threadId of every worker of the calling thread that ends. To be called once. */
  onWorkerExit(callback: (threadId: number) => void): void
  /** Calls back when the event loop has run dry, before the thread ends; a Hold held then keeps it going. */
  onIdle(callback: () => void): void
  /** Lets any number of operations listen to the signal: it is usual, and no sign of a leak. */
  allowListeners(signal: AbortSignal): void
  /** Starts to watch a worker that the platform does not report by itself. */
  watch(worker: object): void
}
