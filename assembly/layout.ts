// Every offset, size, state and status code of the shared memory: the one place where a layout fact is written down.
// Compiled by asc for the core and by tsc for the bindings, hence untyped constants only.
//
// Offsets are bytes. Words that different threads write lie on different 128-byte lines: processors prefetch 64-byte lines
// in adjacent pairs.

/** Bumped whenever a layout changes: memory of another layout is refused by `open`. */
export const LAYOUT_VERSION = 1;
export const LINE = 128;

// ── Arena header ─────────────────────────────────────────────────────────────────────────────────────────────────────
// Addresses below ARENA are never used, so that small integers and addresses can share one return value.
export const ARENA = 1024;
export const ARENA_MAGIC_VALUE = 0x6d_72_61_63; // "mrac"
export const ARENA_MAGIC = 0; // u32
export const ARENA_LAYOUT = 4; // u32, LAYOUT_VERSION of the maker
export const ARENA_SIZE = 8; // u32, bytes of the whole memory
export const ARENA_THREADS = 12; // u32, address of the thread table
export const ARENA_FIRST_PAGE = 16; // u32, address of the first page
export const ARENA_ID_LO = 20; // u32, random: two memories are the same arena iff their ids are equal
export const ARENA_ID_HI = 24; // u32
export const ARENA_BREAK = 128; // u32, address of the first page never handed out
export const ARENA_EPOCH = 132; // u32, channels made so far
export const ARENA_SYNC = 144; // u32, the newest page of places for sync objects, or 0
export const ARENA_COLLECTOR = 140; // u32, slot address of the thread that puts a message together from several blocks, or 0
export const ARENA_LIVE = 256; // u32, threads that are attached
export const ARENA_USED = 384; // i32 × CLASS_COUNT, blocks in use as counted by threads that are gone
export const ARENA_DEPOT = 512; // u64 × CLASS_COUNT at DEPOT_STRIDE: `tag:32 | chain:32`, stacks of chains of free blocks
export const DEPOT_STRIDE = 64;
export const ARENA_RUNTIMES = 2688; // u32 × MAX_RUNTIMES, the runtimes that are open, or 0
export const MAX_RUNTIMES = 64;
export const ARENA_GATE = 2048; // a channel without capacity, on which threads wait for memory
export const ARENA_PAGE_MAP = 3072; // u32 × pages: class + 1 of the block or run of blocks that starts in the page, else 0; PAGE_AGAIN
/** In the page map: the page was part of a larger block before. If it is one for small blocks now, its first one is never used. */
export const PAGE_AGAIN = 0x100;

/** Messages leave the last `size >> SPARE_SHIFT` bytes of the arena to what they wait for: waiters, and new objects. */
export const SPARE_SHIFT = 5;

export const PAGE = 16384;
export const PAGE_SHIFT = 14;

// ── Blocks ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// Class c holds blocks of 128 << c bytes: classes below PAGE_CLASS are cut from pages, the others are runs of whole pages.
// A page never changes its class, so a block's first bytes are a header for ever: stale and forged addresses are found out.
export const CLASS_COUNT = 24;
export const CLASS_SHIFT = 7;
export const PAGE_CLASS = 7;

// Header of every block. The first HEAD_BYTES are never zeroed once the block has been cut.
export const HEAD_KIND = 0; // u32, KIND_*
export const HEAD_STATE = 4; // u32, `generation:24 | flags:8`; the generation grows when the object is disposed of and when the block is freed
export const HEAD_NEXT = 8; // u32, free: next block of the chain
export const HEAD_CHAIN = 12; // u32, free: next chain in the depot
export const HEAD_COUNT = 16; // u32, free: blocks in the chain
export const HEAD_CLASS = 20; // u32, size class, written once
export const HEAD_BYTES = 32;
export const GENERATION = 0x100; // one step of the generation in HEAD_STATE
export const FLAGS_MASK = 0xff;

export const KIND_FREE = 0;
export const KIND_CHANNEL = 1;
export const KIND_STACK = 2;
export const KIND_COUNTER = 3;
export const KIND_ATOMIC = 4;
export const KIND_WAITER = 5;
export const KIND_SCRATCH = 6;
export const KIND_MESSAGE = 7;
export const KIND_PIPE = 8;
export const KIND_SYNC_PAGE = 9; // places for the objects of the sync package, which are no blocks themselves: KIND_MUTEX and on
export const KIND_MUTEX = 10;
export const KIND_RWMUTEX = 11;
export const KIND_SEMAPHORE = 12;
export const KIND_WAIT_GROUP = 13;
export const KIND_COND = 14;
export const KIND_ONCE = 15;
export const KIND_ATOMIC_VALUE = 16;
export const KIND_SHARDED_MAP = 17;
export const KIND_BARRIER = 19;
export const KIND_ONCE_VALUE = 20;
export const KIND_RW_CELLS = 21; // the block of cells of a place for RWMutexes
export const KIND_LEDGER = 22; // notes of an object of the sync package about each thread
export const KIND_POOL = 24;
export const KIND_DEQUE = 25;
export const KIND_DEQUE_RING = 26;
export const KIND_RUNTIME = 27;
export const KIND_LANE = 28;
export const KIND_TASKS = 29;
export const KIND_CONTEXT = 30; // of handles alone: a context is made of channels
export const KIND_TOPIC = 32;
export const KIND_PUB_SUB = 33;
export const KIND_INJECTOR = 34;
export const KIND_SEGMENT = 35;

// ── Thread table ─────────────────────────────────────────────────────────────────────────────────────────────────────
export const MAX_THREADS = 128;
export const THREAD_BYTES = 1024;
// Who has the slot and what becomes of it, in one word: it is judged and taken in one step, and names nobody once it is free.
//   ALIVE    copy:8 | number:24 | parent:24 | state:8   the platform's numbers of the thread, and of the one that it ends with (or 0);
//                                                       which copy of the bindings attached it
//   REAPING  reaper:32 | 0:24 | state:8                 slot address of the thread that reaps this one
export const THREAD_STATE = 0; // u64, THREAD_FREE (the whole word), or THREAD_ALIVE or THREAD_REAPING in the low byte
export const OS_ID_NUMBER = 0xffffff;
// Blocking waits of the thread.
export const THREAD_BELL = 128; // u32, counts rings; the futex word
export const THREAD_ASLEEP = 132; // u32, 1: ring the bell with a notify
// Its event loop. A thread never has both words armed for one operation.
export const THREAD_LOOP_BELL = 256; // u32
export const THREAD_LOOP_ARMED = 260; // u32, 0: it does not sleep; else `bell << 1 | 1`, the bell as it was when it began to
export const THREAD_READY = 264; // u32, list of completed async waiters, linked by WAITER_READY
// Plain words of the owner (after its death: of its reaper).
export const THREAD_STATUS = 384; // u32, status of the last call that returned a value
export const THREAD_DUTY = 388; // u32, DUTY_*: what a reaper must finish if the thread dies now
export const THREAD_DUTY_OBJECT = 392; // u32
export const THREAD_DUTY_ARG = 396; // u32
export const THREAD_PENDING = 400; // u32, block that is allocated but not yet linked anywhere
export const THREAD_WAITERS = 404; // u32, all waiters of the thread, linked by WAITER_OWN_NEXT
export const THREAD_TAKEN = 408; // u32, ready waiters taken off THREAD_READY and not yet given to the bindings
export const THREAD_SCRATCH = 412; // u32, scratch block for batches
export const THREAD_VALUE = 416; // u64, value of the last receive or pop that was OK
export const THREAD_NEWS = 424; // u32, 1: it has given parts of a free run to the depot and told nobody
export const THREAD_PAUSE = 428; // u32, always 0: what the thread reads while it spins
export const THREAD_MESSAGES = 432; // u32, messages in the thread's hands, linked by MESSAGE_OWN_NEXT
export const THREAD_MAGAZINES = 448; // CLASS_COUNT × MAGAZINE_BYTES

export const THREAD_FREE = 0;
export const THREAD_ALIVE = 1;
export const THREAD_REAPING = 2;

export const DUTY_NONE = 0;
export const DUTY_SETTLE = 1; // object: channel whose waiters must be matched
export const DUTY_DISPOSE = 2; // object: channel that is being disposed of
export const DUTY_STACK_FREE = 3; // object: stack; arg: node to put back on its free list
export const DUTY_SIGNAL = 4; // object: channel of capacity 0, a gate; arg: its HEAD_STATE while nobody waits

export const MAGAZINE_BYTES = 24;
export const MAGAZINE_LOADED = 0; // u32, chain in use
export const MAGAZINE_COUNT = 4; // u32, its blocks
export const MAGAZINE_SPARE = 8; // u32, a full chain, or 0
export const MAGAZINE_CUT = 12; // u32, next block to cut from the thread's page of this class; CUT_AGAIN
/** In MAGAZINE_CUT: the page has been used before, so what is cut from it is not zero. */
export const CUT_AGAIN = 1;
export const MAGAZINE_END = 16; // u32, end of that page
export const MAGAZINE_USED = 20; // i32, blocks allocated minus blocks freed by this thread

// ── Scratch block of a thread ────────────────────────────────────────────────────────────────────────────────────────
export const BATCH_MAX = 480; // values in one batch call
export const SCRATCH_VALUES = 128; // BATCH_MAX values of 4 or 8 bytes; below it CHANNEL_LOCK's place and the queues', which stay 0 for a late look
export const SCRATCH_STAGE = 3968; // a message on its way into a cell, or out of one: CELL_MAX bytes
export const SCRATCH_BYTES = 4096;

// ── Waiter ───────────────────────────────────────────────────────────────────────────────────────────────────────────
// What another thread touches when it completes a wait lies on one line of the processor's cache: also in the header, where free blocks have their links.
export const WAITER_SELECT = 8; // u32, the select that this is a case of, or 0
export const WAITER_LINKED = 12; // u32, LINKED_*
export const WAITER_HIT = 16; // u32, of a select: the case that was chosen, once DONE
export const WAITER_OBJECT = 24; // u32, the object waited on
export const WAITER_QUEUE = 28; // u32, address of the queue (QUEUE_*) it waits in
export const WAITER_STATE = 32; // u32, WAITING → DONE | CANCELLED; of a select: by compare-and-swap, by way of CLAIMED
export const WAITER_OUTCOME = 36; // u32, status code once DONE
export const WAITER_VALUE = 40; // u64, to send, or received
export const WAITER_THREAD = 48; // u32, slot of its thread
export const WAITER_TOKEN = 52; // u32, index in the bindings' table, or TOKEN_BLOCKING
export const WAITER_NEXT = 56; // u32, links of the queue, under the object's lock
export const WAITER_PREV = 60; // u32
export const WAITER_READY = 64; // u32, link of THREAD_READY, or LINK_PENDING
export const WAITER_OWN_NEXT = 68; // u32, links of THREAD_WAITERS
export const WAITER_OWN_PREV = 72; // u32
export const WAITER_CELL = 80; // a message in a cell, to send, or received
export const WAITER_BYTES = 80;

export const WAITING = 0;
export const DONE = 1;
export const CANCELLED = 2;
export const CLAIMED = 3; // for the length of a section: some thread tries to complete one of the cases
export const TOKEN_BLOCKING = 0xffffffff;
export const LINK_PENDING = 1;
export const LINKED_QUEUE = 1; // it is in the queue
export const LINKED_MESSAGE = 2; // its value is a message, which belongs to it

// ── Channel ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// HEAD_STATE flags. The fast paths compare the whole word with `generation | 0`: open, nobody waits, not stale.
export const CHANNEL_CLOSED = 1;
export const CHANNEL_RECEIVERS = 2; // the queue of receivers is not empty
export const CHANNEL_SENDERS = 4; // the queue of senders is not empty
export const CHANNEL_DISPOSED = 8;

// In the header, which is never zeroed: an operation late for a disposed channel stays inside the block that the channel had.
export const CHANNEL_LAP = 24; // u32, narrow: power of two above the capacity, positions are `lap | index`; wide: power of two, room for so many
export const CHANNEL_WIDE = 28; // u32, 0: narrow ring (ring.ts); else of a wide ring (ring-wide.ts): WIDE_*, and `bytes of a cell << WIDE_CELL_SHIFT`
export const WIDE_VALUES = 1; // its values are all there is
export const WIDE_MESSAGES = 3; // its values are messages
export const WIDE_MESSAGE_BIT = 2;
export const WIDE_CELL_SHIFT = 8; // its messages lie in cells, behind the marks
export const CELL_MAX = 128; // bytes of a cell, a multiple of 8
export const CHANNEL_CAPACITY = 32; // u32, messages
export const CHANNEL_CODEC = 36; // u32, id of the codec
// Beside HEAD_STATE, for who meets on a channel touches them all. No other kind of object has anything here: a late look finds a free lock.
export const CHANNEL_LOCK = 40; // u32, 0 or the slot address of the thread inside, with LOCK_MORE
export const CHANNEL_RECVQ = 44; // QUEUE_*: parked receivers
export const CHANNEL_SENDQ = 52; // QUEUE_*: parked senders
export const CHANNEL_PARKS = 60; // u32, how many waiters have ever been put into the two queues
export const CHANNEL_TAIL = 128; // narrow: u32 position; wide: u64 `closed:1 | 0:31 | position:32`
export const CHANNEL_LIMIT = 136; // wide: u32 position up to which the tail may go without a look at the head
export const CHANNEL_HEAD = 256; // narrow: u32 position; wide: u64 `published:32 | position:32`
export const CHANNEL_SLOTS = 512; // narrow: u64 × capacity, `sequence:32 | payload:32`; wide: values × lap, then marks × lap, then cells × lap
export const QUEUE_FIRST = 0; // u32, waiter
export const QUEUE_LAST = 4; // u32, waiter
export const VALUE_BYTES = 8; // a value of a wide ring
export const MARK_BYTES = 4; // its mark: u32 `round | MARK_*`
export const MARK_ONE = 1; // the value of that round is there
export const MARK_BATCH = 2; // so is a batch of values; the mark after this one holds `length << MARK_COUNT_SHIFT`
export const MARK_COUNT_SHIFT = 2;
export const SLOT_BYTES = 8;
/** In CHANNEL_LOCK: something has changed since the holder looked; it settles before it goes on. */
export const LOCK_MORE = 1;
/** Payload of a free slot of a narrow ring after which nothing will ever be sent. */
export const SLOT_SEALED = 1;
export const MAX_CAPACITY = 0x3fffffff;

// ── Message ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// Bytes of any number in a block. The value in the channel is `length:32 | payload:32`, the address of the first byte. Blocks of up to
// SMALL_CLASS never hold a channel and have more room; in the others what would be CHANNEL_LOCK's place and the queues' stays 0 for a late look.
export const MESSAGE_OWN_NEXT = 8; // u32, links of THREAD_MESSAGES
export const MESSAGE_OWN_PREV = 12; // u32
export const MESSAGE_CHAIN = 16; // u32, the block with the next bytes of the message, or 0
export const MESSAGE_SMALL = 32; // payload in blocks of classes up to SMALL_CLASS
export const MESSAGE_LARGE = 64; // payload in all others
export const SMALL_CLASS = 2;
/** In CHANNEL_CODEC: the values are messages. */
export const CODEC_MESSAGE = 0x80000000;

// ── Stack ────────────────────────────────────────────────────────────────────────────────────────────────────────────
export const STACK_CAPACITY = 32; // u32, nodes
export const STACK_CODEC = 36; // u32
export const STACK_TOP = 128; // u64, `tag:32 | node:32`, node 0 = empty; nodes count from 1
export const STACK_FREE = 256; // u64, the same, of the unused nodes
export const STACK_FRESH = 264; // u32, nodes up to this one have been used (node numbers are handed out in order)
export const STACK_NODES = 512; // NODE_BYTES × capacity
export const NODE_NEXT = 0; // u32
export const NODE_DEPTH = 4; // u32, nodes from here to the bottom: the length of the stack while this node is its top
export const NODE_VALUE = 8; // u64
export const NODE_BYTES = 16;

// ── Pipe ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
// Positions count bytes modulo twice the capacity, so that a full ring differs from an empty one. They are multiples of RECORD_BYTES.
export const PIPE_CAPACITY = 32; // u32, bytes of the ring
export const PIPE_DATA_GATE = 64; // u32, channel on which the reader waits for records
export const PIPE_DATA_OPEN = 68; // u32, its HEAD_STATE while nobody waits
export const PIPE_ROOM_GATE = 72; // u32, channel on which the writer waits for room
export const PIPE_ROOM_OPEN = 76; // u32
export const PIPE_WRITER = 80; // u64, `copy:8 | number:24 | slot:32` of the thread that writes, or 0; see THREAD_STATE
export const PIPE_READER = 88; // u64, the same of the thread that reads
export const PIPE_WRITE = 128; // u32, the writer's own: where the next record goes
export const PIPE_HEAD_SEEN = 132; // u32, the writer's own: some earlier PIPE_HEAD
export const PIPE_TAIL = 256; // u32, end of what is published, with PIPE_CLOSED
export const PIPE_READ = 384; // u32, the reader's own: the next record
export const PIPE_TAIL_SEEN = 388; // u32, the reader's own: some earlier PIPE_TAIL
export const PIPE_LENGTH = 392; // u32, the reader's own: bytes of what was read last
export const PIPE_ROW = 396; // u32, the reader's own: bytes of each record in that
export const PIPE_ROWS = 400; // u32, the reader's own: bytes of rows that come next, without a header of their own
export const PIPE_HEAD = 512; // u32, where the records begin that the reader has not released
export const PIPE_RING = 640; // records
/** In PIPE_TAIL: nothing will be published any more. */
export const PIPE_CLOSED = 1;
export const RECORD_BYTES = 8; // header of a record, and of a block of rows: `row:32 | length:32`, row 0 for a record
/** Instead of a length: the rest of the ring is not used, the next record begins where the ring begins. */
export const RECORD_SKIP = 0xffffffff;
/** What publishing and releasing return for OK where somebody waits at the gate, who must be told at once. */
export const KNOCK = 16;

// ── Sync objects ─────────────────────────────────────────────────────────────────────────────────────────────────────
// They lie in places of pages that never hold anything else: an operation that is late for one that was disposed of finds another one. Lock and
// queues as a channel's (CHANNEL_LOCK …), so waiters are the same. A thread is named by its identity: the upper half of THREAD_STATE while it lives.
export const SYNC_NEXT = 32; // u32, of a page: the next one
export const SYNC_BYTES = 256; // a place; the first one of a page is its header
export const SYNC_LEDGER = 28; // u32, the object's block of notes about each thread, or 0
export const SYNC_CELLS = 24; // u32, of a place that RWMutexes lie in: its block of cells, for ever; 0: of one for all other kinds
export const SYNC_KIND = 8; // u64, `maker:32 | kind:32`: identity of the thread that is making the object, or disposing of it, else 0; KIND_*, or 0: no object here
export const SYNC_STATE = 64; // u64, holds the generation, so that no late compare-and-swap succeeds; what follows is the object's own
/** Instead of an identity: a thread that is being reaped. */
export const NOBODY = 0xffffffff;

// Mutex: `owner:32 | generation:24 | flags:8` in SYNC_STATE; owner is an identity, or 0.
export const MUTEX_LOCKED = 1;
export const MUTEX_WOKEN = 2; // one who was parked is on its way to compete for the lock
export const MUTEX_STARVING = 4; // the lock is for who waits, and nobody else takes it
export const MUTEX_POISONED = 8; // a thread has died holding it
export const MUTEX_STRICT = 16; // nobody gets it while it is poisoned
export const MUTEX_RIVAL = 72; // u32, identity of the thread that MUTEX_WOKEN is about
export const PARK_AGAIN = 1; // parking: the thread is the rival, and goes to the front
export const PARK_STARVING = 2; // parking: it has waited too long

// Once: `owner:32 | generation:24 | flags:8` in SYNC_STATE; owner is the identity of the thread that runs the function, or 0. The block of the value, if it
// keeps one, is its SYNC_LEDGER.
export const ONCE_RUNNING = 1;
export const ONCE_DONE = 2; // the function has returned, or thrown
export const ONCE_POISONED = 4; // its thread has died over it
export const ONCE_THROWN = 8; // with ONCE_DONE: what is kept is what it has thrown
export const ONCE_LENGTH = 72; // u32, bytes of the value
export const ONCE_PAYLOAD = 76; // u32, address of the first one, or 0: nothing is kept
export const ONCE_CODEC = 80; // u32, as CHANNEL_CODEC

// RWMutex: `owner:32 | generation:24 | flags:8` in SYNC_STATE; owner is the writer's identity, or 0: nobody has it, or it is between two owners.
export const RW_LOCKED = 1; // a writer has the word
export const RW_DRAINING = 2; // and waits for the readers to leave
export const RW_ADMITTING = 4; // between two owners: the readers that are parked get in
export const RW_POISONED = 8; // a thread has died holding it as a writer
export const RW_STRICT = 16; // nobody gets it while it is poisoned
export const RW_TURN = 72; // u32, how many writers have parked that have the word
export const RW_PHASE = 76; // u32, how many times readers have been let in
export const RW_SPAN = 80; // u32, cells above this one are not in use
/** The block of cells: one for each slot of the thread table, the first RW_OWN at LINE stride, all others close together. */
export const RW_OWN = 16;
export const RW_CELL_BYTES = 16;
export const RW_CELLS_BYTES = 4096;
export const RW_CELL_COUNT = 0; // u64, `entering:32 | count:32`: read locks, and whether the last one is not certain yet
export const RW_CELL_OWNER = 8; // u32, identity of its thread
export const RW_CELL_LIFE = 12; // u32, generation of the RWMutex that it counts for; whatever it says, it says nothing about another one
export const RW_ENTERING = 4; // u32, the upper half of RW_CELL_COUNT

// Cond: its generation in SYNC_STATE. The notes of signals lie in the ledger.
export const COND_TICKETS = 72; // u32, waits that have begun
export const COND_UPTO = 76; // u32, waits with a ticket below this one are over
// Its lock, where that lies in the same arena: written once, by the maker.
export const COND_LOCKER = 80; // u32, its place, or 0
export const COND_LOCKER_OPEN = 84; // u32, its HEAD_STATE
export const COND_LOCKER_KIND = 88; // u32, KIND_*, with COND_RLOCKER
export const COND_RLOCKER = 0x100; // it is the readers' side
export const COND_CELLS = 64; // u64 × MAX_THREADS, `identity:32 | count:32`: signals that the thread with that slot has been given and not accepted yet
export const COND_LEDGER_BYTES = 2048;

// Ledger: what each thread holds of an object, in a block of its own. One entry per slot of the thread table, under the lock of the object.
export const LEDGER_ENTRIES = 32; // u64 × MAX_THREADS, `identity:32 | count:32`; of a barrier `identity:32 | round:16 | count:16`
export const LEDGER_ENTRY = 8; // bytes of an entry

// Semaphore: `available:32 | generation:24 | 0:8` in SYNC_STATE.
export const SEMAPHORE_SIZE = 72; // u32, how many there are

// WaitGroup: `count:32 | generation:24 | epoch:8` in SYNC_STATE. The epoch counts how often the counter has become zero.

// Barrier: `arrived:32 | generation:24 | 0:8` in SYNC_STATE.
export const BARRIER_PARTIES = 72; // u32, how many must arrive
export const BARRIER_ROUND = 76; // u32, how often all have arrived, modulo 2^16; under the lock

// ── Counter and atomics ──────────────────────────────────────────────────────────────────────────────────────────────
// Cells at LINE stride.
export const COUNTER_CELLS = 192; // f64 × COUNTER_OWNED: cell i is written by the thread in slot i only
export const COUNTER_OWNED = 28;
export const COUNTER_SHARED = 3776; // i64, for the threads in all other slots
export const COUNTER_BYTES = 4096;
export const ATOMIC_CODEC = 36; // u32
export const ATOMIC_VALUE = 64; // u32 or u64

// ── Pool ─────────────────────────────────────────────────────────────────────────────────────────────────────────────
// Written once, by the maker: where the channels are that hold the items.
export const POOL_SHARDS = 32; // u32, how many
export const POOL_TABLE = 40; // POOL_ENTRY × shards
export const POOL_ENTRY = 8; // bytes of an entry: address of the channel u32, its HEAD_STATE u32

// ── Atomic value, sharded map ────────────────────────────────────────────────────────────────────────────────────────
// Both are freed as messages are: what belongs to them hangs on their MESSAGE_CHAIN, each block on the one before, at every moment. So whoever
// has taken the first block into its hands has taken all, in one step, and the reaper needs to know nothing of them.
export const VALUE_CODEC = 36; // u32
export const VALUE_VERSION = 64; // u32, counts the changes of a value that is a message, twice; odd: within a section
export const VALUE_WORD = 72; // u64, the value itself, or `length:32 | payload:32` of the message that it is
export const VALUE_HOLDER_BYTES = 80;

export const MAP_KEY_CODEC = 36; // u32
export const MAP_VALUE_CODEC = 64; // u32
export const MAP_SHIFT = 68; // u32, the shard of a hash is `hash >> shift`
export const MAP_SHARDS = 72; // u32 × (shards + 1), their blocks, and one that ends the chain

// A shard is a block of one LINE. Its table and its nodes hang on its MESSAGE_CHAIN, up to the next shard; MESSAGE_OWN_PREV links them back.
export const SHARD_VERSION = 64; // u32, as VALUE_VERSION
export const SHARD_MARK = 68; // u32, slot address of a thread that has lost some rounds: others let it go first; or 0
export const SHARD_TABLE = 72; // u64, `entries - 1:32 | address:32`
export const SHARD_COUNT = 80; // u32, keys
export const SHARD_USED = 84; // u32, entries that are not empty

export const ENTRY_HASH = 0; // u64, `node:32 | hash:32`, the payload of its node, or 0; the hash ENTRY_EMPTY or ENTRY_REMOVED: no key
export const ENTRY_KEY = 8; // u64, the key itself, or how many bytes of the node it has
export const ENTRY_VALUE = 16; // u64, the value itself, or how many bytes of the node it has: they begin at a multiple of 8 after the key
export const ENTRY_BYTES = 24;
export const ENTRY_EMPTY = 0;
export const ENTRY_REMOVED = 1;

// What an operation has found, in the scratch block of its thread.
export const CURSOR_GUARD = 64; // u32, address of the version
export const CURSOR_VERSION = 68; // u32, what it was
export const CURSOR_ENTRY = 72; // u32, the entry of the key, or where one can be put, or 0
export const CURSOR_FOUND = 76; // u32, 1: the key is there
export const CURSOR_HASH = 80; // u32
export const CURSOR_NODE = 84; // u32, its node, or what has been taken out and is in our hands, or 0
export const CURSOR_KEY = 88; // u64, as ENTRY_KEY
export const CURSOR_VALUE = 96; // u64, the value that was found, as ENTRY_VALUE or VALUE_WORD
export const CURSOR_NEW = 104; // u64, the value to be stored
export const CURSOR_BYTES = 128; // bytes of a key, then of a value
export const CURSOR_KEY_MAX = 2816;
export const CURSOR_VALUE_AT = 2944;
export const CURSOR_VALUE_MAX = 1024;

// ── Topic ────────────────────────────────────────────────────────────────────────────────────────────────────────────
// A topic, or a hub of topics: where its subscribers are. Made and used by the bindings.
export const TOPIC_VERSION = 32; // u32, 2 for each change of its subscribers, + 1 once it is closed
export const TOPIC_IDS = 36; // u32, subscribers so far
export const TOPIC_CODEC = 64; // u32
export const TOPIC_MAP = 68; // u32, address of the map of its subscribers
export const TOPIC_MAP_OPEN = 72; // u32, HEAD_STATE of that map
export const TOPIC_PUBLISHERS = 128; // u32 × MAX_THREADS, by place in the thread table: the number of a thread that looks at the subscribers just now, else 0
export const TOPIC_BYTES = 640;

// ── Deque ────────────────────────────────────────────────────────────────────────────────────────────────────────────
// Offsets from where a deque begins: DEQUE_PLACE in a place of the sync package, LANE_DEQUE in a lane.
export const DEQUE_BOTTOM = 0; // u32, position after the newest value; written by the owner
export const DEQUE_RING = 4; // u32, `block | log2 of its slots`
export const DEQUE_SEEN = 8; // u32, plain word of the owner: a position that the top has reached
export const DEQUE_TOP = 128; // u64, `life:32 | position of the oldest value:32`; whoever takes that moves it by compare-and-swap
export const DEQUE_BYTES = 136;
// In a place of the sync package. What other kinds of objects have there is 0, so that a late look at a ring finds one, or none.
export const DEQUE_OWNER = 72; // u32, identity of the thread that owns the deque
export const DEQUE_ORDER = 76; // u32, 1: the owner takes the oldest value, too
export const DEQUE_CODEC = 92; // u32, id of the codec, of an injector too
export const DEQUE_PLACE = 96;
export const DEQUE_STAGED = 112; // u64, `1:32 | position:32`: what lies between the bottom and there has been stolen for this deque; or 0
export const RING_OLD = 32; // u32, the ring that this one has replaced, `block | log2 of its slots`, or 0
export const RING_SLOTS = 64; // u64 × slots, value of position p in slot `p mod slots`
export const RING_FIRST = 6; // log2 of the slots of the first ring

// Injector, in a place of the sync package too: a chain of segments. Its ends are `generation:16 | position:28 | segment:20`, the segment in units of
// 1 << SEGMENT_UNIT bytes.
export const INJECTOR_TAIL = 120; // u64, where the next value goes; 0 once it is being disposed of
export const INJECTOR_HEAD = 232; // u64, the oldest value
export const INJECTOR_END = 240; // u64, what the tail was when somebody began to dispose of it
export const SEGMENT_NEXT = 32; // u32, the next segment, once the last slot has been claimed
export const SEGMENT_MARKS = 64; // u32 × slots, 1: the value is there
export const SEGMENT_VALUES = 576; // u64 × slots
export const SEGMENT_SLOTS = 128;
export const SEGMENT_BYTES = 1600;
export const SEGMENT_UNIT = 10;

// ── Runtime ──────────────────────────────────────────────────────────────────────────────────────────────────────────
// HEAD_STATE's flags count the threads that use it: its memory is given back by the last.
export const RUNTIME_MAKER = 24; // u32, identity of the thread that made it
export const RUNTIME_PROCS = 64; // u32, workers with a number below this one take tasks
export const RUNTIME_CLOSED = 68; // u32, 1: nobody takes or adds tasks any more
export const RUNTIME_DRAINING = 80; // u32, 1: its maker waits until nothing is left to do, and is rung by workers that rest
export const RUNTIME_SPAWNERS = 72; // u32, lanes of spawners that have ever been in use
export const RUNTIME_WORKERS = 76; // u32, lanes of workers that have ever been in use
export const RUNTIME_IDLE = 128; // u64, bit i: worker i has found nothing to do, and is to be rung when there is
export const RUNTIME_HUNTING = 136; // u64, bit i: worker i looks for tasks all the time, so that nobody has to be rung
export const RUNTIME_LANES = 256; // u32 × (MAX_PROCS + MAX_SPAWNERS), addresses, of workers first
export const MAX_PROCS = 64;
export const MAX_SPAWNERS = 128;
export const RUNTIME_BYTES = 1024;

// A lane is a thread's end of a runtime: what it spawns, and what it hears of that.
export const LANE_RUNTIME = 64; // u32
export const LANE_INDEX = 68; // u32, of a worker: its number; of a spawner: MAX_PROCS and on
export const LANE_THREAD = 72; // u32, slot of its thread
export const LANE_OWNER = 76; // u32, identity of that, or 0
// Plain words of the owner.
export const LANE_FREE = 80; // u32, its tasks that are not in use, linked by TASK_NEXT
export const LANE_PAGES = 84; // u32, blocks of its tasks, linked by TASKS_NEXT
export const LANE_COUNT = 88; // u32, how many tasks it has
export const LANE_DONE = 92; // u32, tasks taken off LANE_FINISHED, oldest first
export const LANE_TURNING = 96; // u32, those that are still newest first
export const LANE_PINNED = 100; // u32, tasks taken off LANE_MAIL, oldest first
export const LANE_MAIL_TURNING = 104; // u32
export const LANE_TICK = 108; // u32, tasks taken so far
export const LANE_LIVE = 112; // u32, tasks spawned and not collected yet
export const LANE_FINISHED = 128; // u32, its tasks that have ended, newest first, linked by TASK_NEXT
export const LANE_MAIL = 256; // u32, of a worker: tasks that are for it alone, newest first
export const LANE_CANCELS = 260; // u32, of a worker: counts tasks cancelled while it ran them
export const LANE_DEQUE = 384; // its tasks that wait for a worker
export const LANE_BYTES = 1024;

// A task. Its words belong to its lane's thread until it is queued, then to whoever has taken it from there until it is finished.
export const TASK_STATE = 0; // u64, `identity of the thread that runs it:32 | TASK_*:32`
export const TASK_NEXT = 8; // u32, link of the list that it is in
export const TASK_INDEX = 12; // u32, its number in its lane
export const TASK_LANE = 16; // u32, the lane that has spawned it
export const TASK_FUNCTION = 20; // u32, index of the function; of a task that is finished: 0
export const TASK_KINDS = 24; // u32, four bits for each argument, from the lowest: DATUM_*; of a task that is finished: of its result, and TASK_THROWN
export const TASK_CANCEL = 28; // u32, 1: to be cancelled; written by its lane's thread
export const TASK_PAYLOAD = 32; // u32, the message with its arguments or its result, which belongs to it, or 0
export const TASK_LENGTH = 36; // u32, bytes of that
export const TASK_VALUES = 40; // f64 × TASK_INLINE, arguments or result that are numbers
export const TASK_INLINE = 3;
export const TASK_BYTES = 64;
export const TASKS_NEXT = 32; // u32, in a block of tasks: the next one of the lane, or 0
export const TASKS_FIRST = 64; // first task of a block
export const TASKS_BYTES = 16384; // a block of tasks

export const TASK_FREE = 0;
export const TASK_QUEUED = 1;
export const TASK_RUNNING = 2;
export const TASK_ENDED = 3; // in LANE_FINISHED or LANE_DONE
export const TASK_BLOCKED = 5; // as TASK_RUNNING: its function has returned a promise
export const TASK_COLLECTED = 4; // its lane's thread is reading the result

export const DATUM_NONE = 0; // no such argument
export const DATUM_UNDEFINED = 1;
export const DATUM_NUMBER = 2;
export const DATUM_TRUE = 3;
export const DATUM_FALSE = 4;
export const DATUM_NULL = 5;
export const DATUM_MESSAGE = 6; // all arguments, or the result, are a message
export const DATUM_DIED = 7; // the thread that ran it is no more: its identity is the value
export const DATUM_CANCELLED = 8; // it was cancelled before it began
export const TASK_THROWN = 0x10; // in TASK_KINDS of a task that is finished: the result is what it threw

// ── Status codes ─────────────────────────────────────────────────────────────────────────────────────────────────────
export const OK = 0;
export const WOULD_BLOCK = 1; // full, or empty
export const CLOSED = 2;
export const STALE = 3; // the handle's object was disposed of
export const NO_MEMORY = 4;
// Internal to the core: another thread moved, look again; another thread is inside a section, wait for it.
export const RETRY = 5;
export const BUSY = 6;

/** What the calls of the hot paths return for OK: no number that comes about by accident. See src/core.ts. */
export const FINE = 0x600d;
/** OK, and waiters have been told: maybe some of the calling thread's event loop. The bindings get this one too. */
export const TOLD = 7;
// Of the sync package.
export const NOT_HELD = 8; // unlock of what is not locked
export const POISONED = 9; // a thread has died holding it
export const UNSETTLED = 10; // done, but a thread that the system has stopped is in the way of who is parked: settle, later
export const OVERFLOW = 13; // a counter would be too large
export const CLAIMED_WORD = 14; // a writer has the word of an RWMutex, and readers are still in
