import { type Core, coreModule, instantiate, requireSharedMemory } from './core.js'
import {
  ArenaFullError,
  rangeError,
  show,
  TimeoutError,
  TooManyThreadsError,
  typeError,
  UnsupportedError,
} from './errors.js'
import { EventLoop } from './event-loop.js'
import { Gate } from './gate.js'
import {
  ARENA,
  ARENA_BREAK,
  ARENA_FIRST_PAGE,
  ARENA_GATE,
  ARENA_ID_HI,
  ARENA_ID_LO,
  ARENA_LAYOUT,
  ARENA_LIVE,
  ARENA_MAGIC,
  ARENA_MAGIC_VALUE,
  ARENA_SIZE,
  ARENA_THREADS,
  ARENA_USED,
  CHANNEL_RECEIVERS,
  CLASS_COUNT,
  HEAD_STATE,
  LAYOUT_VERSION,
  LINE,
  MAGAZINE_BYTES,
  MAGAZINE_USED,
  MAX_THREADS,
  NO_MEMORY,
  OK,
  OS_ID_NUMBER,
  THREAD_ALIVE,
  THREAD_BELL,
  THREAD_BYTES,
  THREAD_LOOP_BELL,
  THREAD_MAGAZINES,
  THREAD_STATE,
  THREAD_STATUS,
  THREAD_VALUE,
  WAITER_BYTES,
  WOULD_BLOCK,
} from './generated/layout.js'
import { platform } from './platform/index.js'
import { mendRuntimes } from './runtime-core.js'
import { mend } from './sync-core.js'
import { TimerEntry, timers } from './timer-heap.js'

const MIB = 2 ** 20
const MIN_SIZE = MIB
const MAX_SIZE = 1024 * MIB
const DEFAULT_SIZE = 32 * MIB
const WASM_PAGE = 65536
/**
 * Milliseconds after which who waits for memory looks by itself: what a thread has put by that computes is told to nobody before that thread's
 * next operation.
 */
const LOOK_AGAIN = 100
const GATE_STATE = (ARENA + ARENA_GATE + HEAD_STATE) >>> 2
/** Milliseconds without a message after which a thread gives up the free blocks that it has put by. */
const IDLE = 50
/** Turns of the first pause of who waits for memory. */
const PATIENCE = 256

export interface ArenaOptions {
  /** Bytes of shared memory, from 1 MiB to 1 GiB; rounded up to 64 KiB. Untouched memory costs nothing. Default 32 MiB. */
  size?: number
}

export interface ArenaStats {
  /** Bytes of the whole memory. */
  size: number
  /** Bytes of all blocks that are in use, in all threads. */
  bytesInUse: number
  /** Bytes of pages that have been handed out so far; free blocks among them are used again. */
  bytesReserved: number
  /** How many blocks of each size (in bytes) are in use. */
  blocks: Record<number, number>
  /** Threads that are attached. */
  threads: number
}

/**
 * Shared memory with everything that is allocated in it: channels, stacks, counters, atomics and their waiters.
 *
 * The default arena is made on first use; most programs need no other. Opening a handle in another thread attaches that thread to the
 * handle's arena. An arena serves up to 128 threads at a time. It is freed when no thread refers to it any more.
 *
 * @example
 * const arena = new Arena({ size: 256 * 2 ** 20 })
 * const ch = channel(f64, { capacity: 1_000_000, arena })
 */
export class Arena {
  /** @internal */ readonly core: Core
  /** @internal */ readonly memory: WebAssembly.Memory
  /** @internal */ readonly u32: Uint32Array
  /** @internal */ readonly i32: Int32Array
  /** @internal */ readonly loop: EventLoop
  /** @internal */ readonly canBlock: boolean
  /** @internal */ readonly id: string
  /** @internal Where the core leaves the value of a receive or a pop. */ readonly valueAt: number
  /** @internal Address of this thread's place in the thread table. */ readonly slot: number
  /** @internal Its index. */ readonly slotIndex: number
  readonly #status: number
  readonly #gate: Gate
  readonly #idle = new TimerEntry(() => this.#whenIdle(), false)
  /** Whether there have been messages since the last look. */
  #touched = false
  /** How many operations of this thread wait for memory. */
  #hungry = 0

  /** @throws RangeError for a size out of bounds; UnsupportedError where the platform has no shared memory. */
  constructor(options?: ArenaOptions)
  /** @internal */
  constructor(options: ArenaOptions | undefined, existing: WebAssembly.Memory)
  constructor(options: ArenaOptions = {}, existing?: WebAssembly.Memory) {
    requireSharedMemory()
    this.memory = existing ?? createMemory(options.size)
    this.u32 = new Uint32Array(this.memory.buffer)
    this.i32 = new Int32Array(this.memory.buffer)
    this.canBlock = platform.canBlock
    const { core, slot } = instantiate(this.memory, (fresh) => {
      if (existing === undefined) {
        const [lo, hi] = platform.unique()
        fresh.arena_init(this.memory.buffer.byteLength, lo, hi)
      }
      const osId = ((copy << 24) | (platform.threadId & OS_ID_NUMBER)) >>> 0
      return fresh.thread_attach(osId, platform.parentId & OS_ID_NUMBER)
    })
    this.core = core
    this.id = arenaId(this.u32)
    if (slot === 0) throw new TooManyThreadsError(MAX_THREADS)
    this.#status = (slot + THREAD_STATUS) >>> 2
    this.valueAt = slot + THREAD_VALUE
    this.slot = slot
    this.slotIndex = (slot - (this.u32[(ARENA + ARENA_THREADS) >>> 2] as number)) / THREAD_BYTES
    this.loop = new EventLoop(this.core, this.i32, slot, () => this.share())
    this.#gate = new Gate(this, ARENA + ARENA_GATE, 0, () => this.#rouse())
    arenas.set(this.id, new WeakRef(this))
    watchWorkers()
  }

  /** Bytes of the whole memory. */
  get size(): number {
    return this.memory.buffer.byteLength
  }

  /** What is in use, over all threads. While other threads work, the numbers are a snapshot of each of them at some moment. */
  stats(): ArenaStats {
    const word = (at: number): number => Atomics.load(this.u32, at >>> 2)
    const signed = (at: number): number => Atomics.load(this.i32, at >>> 2)
    const stats: ArenaStats = {
      size: this.size,
      bytesInUse: 0,
      bytesReserved: word(ARENA + ARENA_BREAK) - word(ARENA + ARENA_FIRST_PAGE),
      blocks: {},
      threads: word(ARENA + ARENA_LIVE),
    }
    const table = word(ARENA + ARENA_THREADS)
    for (let cls = 0; cls < CLASS_COUNT; cls++) {
      let used = signed(ARENA + ARENA_USED + cls * 4)
      for (let i = 0; i < MAX_THREADS; i++) {
        used += signed(table + i * THREAD_BYTES + THREAD_MAGAZINES + cls * MAGAZINE_BYTES + MAGAZINE_USED)
      }
      if (used > 0) {
        stats.blocks[LINE << cls] = used
        stats.bytesInUse += used * (LINE << cls)
      }
    }
    return stats
  }

  /**
   * Frees what a worker holds (its place, its waiters) once it ends, so that nobody waits for it for ever. On Node every worker that
   * is started after millrace was imported is watched without this call.
   *
   * @throws TypeError if the argument is not a worker of this platform.
   */
  watch(worker: object): void {
    if (typeof worker !== 'object' || worker === null || !platform.isWorker(worker)) {
      throw typeError(`watch takes a Worker, not ${show(worker)}`)
    }
    platform.watch(worker)
  }

  /** @internal Status of the last call that returned a value. */
  status(): number {
    return this.u32[this.#status] as number
  }

  /** @internal What HEAD_STATE of an open object at the address is: its generation, no flags. */
  openState(at: number): number {
    return Atomics.load(this.i32, (at + HEAD_STATE) >>> 2) & ~0xff
  }

  /** @internal The address, or the error that there is none. */
  made(at: number, what: string, bytes: number): number {
    if (at !== 0) return at
    throw this.full(what, bytes)
  }

  /** @internal The error that there is no room for something. */
  full(what: string, bytes: number): ArenaFullError {
    const left = this.size - Atomics.load(this.u32, (ARENA + ARENA_BREAK) >>> 2)
    return new ArenaFullError(what, bytes, left, this.size)
  }

  /** @internal Blocks until `check`, which looks for memory, says true; false if that has not come about in `timeout` ms. */
  hungrySync(check: () => boolean, timeout: number): boolean {
    this.#giveAway()
    this.#hungry++
    try {
      const deadline = performance.now() + timeout
      for (let left = timeout; ; left = Math.max(0, deadline - performance.now())) {
        const status = this.#gate.waitSync(() => (check() ? OK : WOULD_BLOCK), Math.min(left, LOOK_AGAIN), PATIENCE)
        if (status === NO_MEMORY) throw this.full('a waiter', WAITER_BYTES)
        if (status === OK) return true
        if (left <= LOOK_AGAIN) return false
      }
    } finally {
      this.#hungry--
    }
  }

  /** @internal Awaits that `check`, which looks for memory, says true. */
  async hungry(check: () => boolean, what: string, timeout: number, signal: AbortSignal | undefined): Promise<void> {
    this.#giveAway()
    this.#hungry++
    try {
      const deadline = performance.now() + timeout
      const attempt = (): number => (check() ? OK : WOULD_BLOCK)
      for (let left = timeout; ; left = Math.max(0, deadline - performance.now())) {
        try {
          const status = await this.#gate.waitAsync(attempt, what, Math.min(left, LOOK_AGAIN), signal, PATIENCE)
          if (status === NO_MEMORY) throw this.full('a waiter', WAITER_BYTES)
          return
        } catch (error) {
          if (!(error instanceof TimeoutError)) throw error
          if (left <= LOOK_AGAIN) throw new TimeoutError(what, timeout)
        }
      }
    } finally {
      this.#hungry--
    }
  }

  /** @internal To be called after something has been freed: tells those who wait for memory. */
  relieve(): void {
    // A plain load, for this comes with every message. Who begins to wait just now looks after it, and finds what is not put by here; for what is,
    // it wakes this thread, which shares before it sleeps again.
    if (((this.i32[GATE_STATE] as number) & CHANNEL_RECEIVERS) === 0) return
    this.core.arena_share()
    this.#gate.signalAll()
  }

  /**
   * Before this thread waits for memory: what it has put by is no use to it. Whether or not somebody waits for that by now, who looks after this
   * finds it, and who has looked before is told.
   */
  #giveAway(): void {
    if (this.core.arena_share() !== 0) this.#gate.signalAll()
  }

  /** @internal To be called with every message: an event loop that has nothing pending cannot be woken, so it shares by itself once it is idle. */
  touch(): void {
    this.#touched = true
    if (this.#idle.place < 0) timers.set(this.#idle, performance.now() + IDLE)
  }

  #whenIdle(): void {
    if (this.#touched) {
      this.#touched = false
      timers.set(this.#idle, performance.now() + IDLE)
      return
    }
    this.core.arena_share()
    this.#gate.signalAll()
  }

  /** @internal Before this thread sleeps: gives what it has put by to those who wait for memory. */
  share(): void {
    // What waits here itself shares with every look; told by that it would tell itself.
    if (this.#hungry === 0 && this.#gate.awaited && this.core.arena_share() !== 0) this.#gate.signalAll()
  }

  /** Wakes all other threads, so that they share. */
  #rouse(): void {
    const { i32, u32 } = this
    const table = u32[(ARENA + ARENA_THREADS) >>> 2] as number
    for (let k = 0; k < MAX_THREADS; k++) {
      const slot = table + k * THREAD_BYTES
      if (slot === this.slot || ((i32[(slot + THREAD_STATE) >>> 2] as number) & 0xff) !== THREAD_ALIVE) continue
      for (const bell of [THREAD_BELL, THREAD_LOOP_BELL]) {
        Atomics.add(i32, (slot + bell) >>> 2, 1)
        // The word after a bell says whether its thread sleeps.
        if (Atomics.load(i32, (slot + bell + 4) >>> 2) !== 0) Atomics.notify(i32, (slot + bell) >>> 2)
      }
    }
  }

  /** @internal The module, for handles. */
  get module(): WebAssembly.Module {
    return coreModule()
  }
}

function createMemory(size: number | undefined): WebAssembly.Memory {
  if (size !== undefined) {
    if (typeof size !== 'number') throw typeError(`an arena's size is a number of bytes, not ${show(size)}`)
    if (!Number.isInteger(size) || size < MIN_SIZE || size > MAX_SIZE) {
      throw rangeError(`an arena's size is an integer from ${MIN_SIZE} to ${MAX_SIZE} bytes, not ${show(size)}`)
    }
  }
  // Some platforms refuse large shared memories: take what they give, but only where no size was asked for.
  for (let bytes = size ?? DEFAULT_SIZE; ; bytes /= 2) {
    const pages = Math.ceil(bytes / WASM_PAGE)
    try {
      // Initial = maximum: a memory that grew would leave other threads with views that do not see the new part.
      return new WebAssembly.Memory({ initial: pages, maximum: pages, shared: true })
    } catch (cause) {
      if (size !== undefined || bytes / 2 < MIN_SIZE) {
        throw new UnsupportedError(`the platform refused ${bytes} bytes of shared memory: ${(cause as Error).message}`)
      }
    }
  }
}

function arenaId(u32: Uint32Array): string {
  return `${u32[(ARENA + ARENA_ID_HI) >>> 2]}-${u32[(ARENA + ARENA_ID_LO) >>> 2]}`
}

/** Tells two copies of this package in one thread apart: they must not share a place in the thread table. */
const copy = Math.imul(platform.unique()[0], 0x9e3779b1) >>> 24

/** The arenas of this thread, by their id: the same memory arrives as a new object with every message. */
const arenas = new Map<string, WeakRef<Arena>>()
let shared: Arena | undefined
let watching = false

/** The arena that everything is made in unless told otherwise: 32 MiB, made on first use. In a worker of a runtime: that of the runtime. */
export function defaultArena(): Arena {
  shared ??= new Arena()
  return shared
}

/** @internal Makes it the default arena of this thread. */
export function adoptArena(arena: Arena): void {
  shared = arena
}

/** @internal The arena over a memory that came with a handle. */
export function arenaOver(memory: unknown): Arena {
  requireSharedMemory()
  if (!(memory instanceof WebAssembly.Memory) || !(memory.buffer instanceof SharedArrayBuffer)) {
    throw typeError(`a handle carries a shared WebAssembly.Memory, not ${show(memory)}`)
  }
  const u32 = new Uint32Array(memory.buffer)
  if (
    u32.byteLength < MIN_SIZE ||
    u32[(ARENA + ARENA_MAGIC) >>> 2] !== ARENA_MAGIC_VALUE ||
    u32[(ARENA + ARENA_SIZE) >>> 2] !== u32.byteLength
  ) {
    throw typeError("the handle's memory is not an arena of millrace")
  }
  const layout = u32[(ARENA + ARENA_LAYOUT) >>> 2]
  if (layout !== LAYOUT_VERSION) {
    throw typeError(
      `the handle comes from another version of millrace (memory layout ${layout}, here ${LAYOUT_VERSION}): use one version in all threads`,
    )
  }
  const id = arenaId(u32)
  return arenas.get(id)?.deref() ?? new Arena(undefined, memory)
}

function watchWorkers(): void {
  if (watching) return
  watching = true
  platform.onWorkerExit((threadId) => {
    for (const arena of liveArenas()) reap(arena, threadId)
  })
  // Threads that have attached since an operation began may complete it.
  platform.onIdle(() => {
    for (const arena of liveArenas()) arena.loop.keepAlive()
  })
}

/** @internal Frees what a thread that has ended held, and finishes what it had begun. May be done twice. */
export function reap(arena: Arena, threadId: number): void {
  arena.core.thread_reap(threadId)
  mend(arena)
  mendRuntimes(arena)
  arena.relieve()
  arena.loop.poll()
  arena.loop.look()
  arena.loop.keepAlive()
}

function* liveArenas(): Generator<Arena> {
  for (const [id, reference] of arenas) {
    const arena = reference.deref()
    if (arena === undefined) arenas.delete(id)
    else yield arena
  }
}
