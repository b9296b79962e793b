// Waiting for memory, be there so little that not even a waiter finds room.

import type { Arena } from '../arena.js'
import { ArenaFullError } from '../errors.js'

/** Milliseconds after which who cannot be told looks by itself. */
const LOOK_AGAIN = 5

/** Resolves once `look`, which tries to place something, says true. */
export async function awaitMemory(arena: Arena, look: () => boolean, what: string): Promise<void> {
  for (;;) {
    try {
      return await arena.hungry(look, what, Number.POSITIVE_INFINITY, undefined)
    } catch (error) {
      if (!(error instanceof ArenaFullError)) throw error
    }
    await new Promise((resolve) => setTimeout(resolve, LOOK_AGAIN))
    if (look()) return
  }
}
