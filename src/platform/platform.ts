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

/** Copies and texts that the platform makes faster than the language does. All of them may read and write shared memory. */
export interface Native {
  /** The bytes that a text of base64 stands for. */
  base64(text: string): Uint8Array<ArrayBuffer>
  /** Copies all bytes of `from`, of which there is at least one, to where there is room for them. */
  copy(from: Uint8Array, to: Uint8Array, at: number): void
  /** An array with a buffer of its own, whose bytes may be anything. */
  allocate(bytes: number): Uint8Array<ArrayBuffer>
  /** The text of bytes that are ASCII. Reads each once: whatever happens to them meanwhile, the result is a string. */
  ascii(bytes: Uint8Array, at: number, end: number): string
  /** The text of UTF-8, with U+FFFD in the place of what is none. Reads bytes more than once: nobody else may write them. */
  utf8(bytes: Uint8Array, at: number, end: number): string
}

/** What is told of a worker that was started. */
export interface WorkerEvents {
  message(message: unknown): void
  /** It ends because of that. */
  error(error: unknown): void
  exit(code: number): void
}

/** A worker that this package has started. */
export interface StartedWorker {
  /** As `Platform.threadId` there, less 1. */
  readonly threadId: number
  /** Whether it keeps the process alive. At first it does. */
  ref(): void
  unref(): void
  /** Ends it wherever it is; resolves once it has ended. */
  terminate(): Promise<unknown>
}

export interface Platform {
  readonly name: string
  /** A number of the calling thread that no other live thread of the process has; at least 1. */
  readonly threadId: number
  /** The threadId of a thread without which the calling one does not live; 0 if there is none, or it is not known. */
  readonly parentId: number
  /** Two words of 32 bits that no other call gets, in whatever thread or copy of this package. */
  unique(): [number, number]
  /** Whether the calling thread may sleep in `Atomics.wait`. */
  readonly canBlock: boolean
  readonly cpuCount: number
  /** Undefined where the language has to do. */
  readonly native: Native | undefined
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
  /** Starts a worker. `options` are the platform's own. Undefined where the package cannot start any. */
  readonly startWorker:
    | ((script: URL, data: object, options: object, events: WorkerEvents) => StartedWorker)
    | undefined
  /** Of a worker: what it was started with, how it tells who started it, and how it ends by itself, so that what it has written gets out. */
  readonly parent: { readonly data: unknown; post(message: unknown): void; leave(): void } | undefined
  /** Starts to watch a worker that the platform does not report by itself. */
  watch(worker: object): void
}
