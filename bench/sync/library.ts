// The names of the sync package that the rows use. millrace and the baseline offer them alike, so one text of every loop serves both.

export interface LibraryMutex {
  readonly handle: unknown
  readonly locked: boolean
  lockSync(): unknown
  lock(): Promise<{ unlock(): void }>
  unlock(): void
  dispose?(): void
}

export interface LibraryRWMutex {
  readonly handle: unknown
  lockSync(): unknown
  unlock(): void
  rlockSync(): unknown
  runlock(): void
  dispose?(): void
}

export interface LibrarySemaphore {
  readonly available: number
  acquireSync(count?: number): unknown
  acquire(count?: number): Promise<unknown>
  release(count?: number): void
}

export interface LibraryWaitGroup {
  readonly count: number
  add(count?: number): void
  done(): void
}

export interface LibraryOnce {
  doSync(run: () => void): void
}

export interface LibraryMap {
  readonly handle: unknown
  get(key: number): number | undefined
  set(key: number, value: number): void
  dispose?(): void
}

export interface SyncLibrary {
  mutex(): LibraryMutex
  rwmutex(): LibraryRWMutex
  semaphore(size: number): LibrarySemaphore
  waitGroup(): LibraryWaitGroup
  once(): LibraryOnce
  /** From u32 to f64, with room for so many entries. */
  map(capacity: number): LibraryMap
  open(handle: unknown): unknown
}

/** Constructors, where all that a library needs is `new`. */
export interface SyncClasses {
  readonly Mutex: new () => LibraryMutex
  readonly RWMutex: new () => LibraryRWMutex
  readonly Semaphore: new (size: number) => LibrarySemaphore
  readonly WaitGroup: new () => LibraryWaitGroup
  readonly Once: new () => LibraryOnce
  open(handle: never): unknown
}

export function syncLibrary(classes: SyncClasses, map: SyncLibrary['map']): SyncLibrary {
  return {
    mutex: () => new classes.Mutex(),
    rwmutex: () => new classes.RWMutex(),
    semaphore: (size) => new classes.Semaphore(size),
    waitGroup: () => new classes.WaitGroup(),
    once: () => new classes.Once(),
    map,
    open: (handle) => classes.open(handle as never),
  }
}
