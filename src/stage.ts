// The stage: where a thread leaves a message that goes into a cell, and finds one that has come out of it. Codecs run code of the program (getters,
// functions of defineCodec), which may use channels with cells itself while a message is half written or half read: then that waits aside.

import type { Arena } from './arena.js'
import type { Memory } from './codec/message.js'
import { CELL_MAX, SCRATCH_BYTES, SCRATCH_STAGE } from './generated/layout.js'
import { messagesOf } from './message-memory.js'

export class Stage {
  /** Its address. */
  readonly at: number
  readonly memory: Memory
  /** Whether a codec is at work on it. */
  busy = false

  constructor(arena: Arena) {
    this.at = arena.made(arena.core.thread_scratch(), "a thread's messages", SCRATCH_BYTES) + SCRATCH_STAGE
    this.memory = messagesOf(arena).memory
  }

  /** While it is busy: runs what uses the stage, with what the codec has there put aside. */
  aside<R>(run: () => R): R {
    const { u8 } = this.memory
    const kept = u8.slice(this.at, this.at + CELL_MAX)
    this.busy = false
    try {
      return run()
    } finally {
      u8.set(kept, this.at)
      this.busy = true
    }
  }
}

/** One for each arena of this thread. */
const stages = new WeakMap<Arena, Stage>()

/** The thread's stage in an arena. @throws ArenaFullError. */
export function stageOf(arena: Arena): Stage {
  let stage = stages.get(arena)
  if (stage === undefined) {
    stage = new Stage(arena)
    stages.set(arena, stage)
  }
  return stage
}
