// What a virtual thread can do to shared memory, one code each. The first eight and the last are those of assembly/atomics.ts.

export const OP_LOAD = 0
export const OP_STORE = 1
export const OP_RMW = 2
export const OP_CAS = 3
export const OP_GET = 4
export const OP_SET = 5
export const OP_PEEK = 6
export const OP_POKE = 7
/** Compares the futex word and falls asleep, in one step. */
export const OP_WAIT = 8
export const OP_NOTIFY = 9
/** "I can only go on once another thread has changed something that I have looked at." */
export const OP_PAUSE = 10
/** A sleeper goes on, woken or timed out. */
export const OP_RESUME = 11
/** Between two operations of a program: the last one responds, the next one is invoked. */
export const OP_BOUNDARY = 12
/** A load of a word that may be another one's by now (look32). */
export const OP_LOOK = 13

export const OP_NAMES = [
  'load',
  'store',
  'rmw',
  'cas',
  'get',
  'set',
  'peek',
  'poke',
  'wait',
  'notify',
  'pause',
  'wake',
  'between',
  'look',
]

// What an event touches, for the question whether two events commute.
export const READS = 1
export const WRITES = 2
/** The queue of sleepers of the word. */
export const FUTEX = 4
/** Real time: a response orders itself before later invocations. */
export const RESPONDS = 8
export const INVOKES = 16
/** Not a wasm atomic (peek, poke): takes part in interleaving, gives no happens-before. */
export const PLAIN = 32

/** Flags of an operation before its outcome is known. */
export const FLAGS = new Uint8Array(16)
FLAGS[OP_LOAD] = READS
FLAGS[OP_STORE] = WRITES
FLAGS[OP_RMW] = READS | WRITES
FLAGS[OP_CAS] = READS | WRITES
FLAGS[OP_GET] = READS | PLAIN
FLAGS[OP_SET] = WRITES | PLAIN
FLAGS[OP_PEEK] = READS | PLAIN
FLAGS[OP_POKE] = WRITES | PLAIN
FLAGS[OP_LOOK] = READS
FLAGS[OP_WAIT] = READS | FUTEX
FLAGS[OP_NOTIFY] = FUTEX

/** True if the order of two events, given by flags and range, can matter. */
export function conflict(fa: number, atA: number, bytesA: number, fb: number, atB: number, bytesB: number): boolean {
  if ((fa & RESPONDS && fb & INVOKES) || (fa & INVOKES && fb & RESPONDS)) return true
  if (fa & fb & FUTEX && atA === atB) return true
  if (!((fa & WRITES && fb & (READS | WRITES)) || (fb & WRITES && fa & READS))) return false
  return atA < atB + bytesB && atB < atA + bytesA
}
