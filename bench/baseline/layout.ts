// Where everything lies in the baseline's SharedArrayBuffers, in 32-bit words.
//
// Words that different threads write lie 32 words (128 bytes) apart, as in the core, so that no contender pays for false
// sharing that the other one does not have.

/** Words in the unit of separation: two 64-byte lines, because the prefetcher fetches them in pairs. */
export const LINE = 32

// A channel:  0 TAIL | 32 HEAD | 64 gate of receivers | 96 gate of senders | 128 cells
//
// Tickets are even numbers that wrap at 2^32. Bit 0 of TAIL says that the channel is closed, so that closing and sending
// are decided by one word.
//
//   TAIL   ticket:31 | closed:1
//   HEAD   ticket:31 | 0
//
// A cell is 16 bytes: sequence, unused, then eight bytes for the value. Its sequence says whose turn it is:
//   t       free, for the sender with ticket t
//   t + 1   full, for the receiver with ticket t
// A receiver leaves t + 2 * cells behind: the ticket of the next lap. (Steps of two keep a ring of one cell unambiguous.)
export const CHANNEL_TAIL = 0
export const CHANNEL_HEAD = LINE
export const CHANNEL_RECEIVERS = 2 * LINE
export const CHANNEL_SENDERS = 3 * LINE
export const CHANNEL_CELLS = 4 * LINE

export const TICKET_STEP = 2
export const TAIL_CLOSED = 1

/** log2 of the words in one cell, and the word in a cell where the value starts. */
export const CELL_SHIFT = 2
export const CELL_VALUE = 2

// A gate: EVENT is the word that sleepers wait on, SLEEPERS counts those that nobody has signalled yet.
export const GATE_EVENT = 0
export const GATE_SLEEPERS = 1

// A stack:  0 live list | 32 free list | 64 links, one word a node | values after the links, eight bytes each
export const STACK_LIVE = 0
export const STACK_FREE = LINE
export const STACK_LINKS = 2 * LINE

/** The smallest power of two that is not less than `n`. */
export function ceilPowerOfTwo(n: number): number {
  return n <= 1 ? 1 : 2 ** (32 - Math.clz32(n - 1))
}
