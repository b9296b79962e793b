// What a module's hooks do: announce what the thread is about to do, ask who goes next, and return, or unwind the thread's stack.

import { ASLEEP, DEAD } from './events.js'
import { Failure } from './failure.js'
import type { Machine } from './machine.js'
import * as O from './ops.js'

/** Imports for the instance of thread `t`, whose unwound stack lies at `stack`. */
export function hooks(m: Machine, t: number, stack: number, stackBytes: number): WebAssembly.Imports {
  const i32 = m.memory.i32
  const unwind = () => {
    i32[stack >> 2] = stack + 8
    i32[(stack >> 2) + 1] = stack + stackBytes
    m.unwound = true
    m.exports[t]!.asyncify_start_unwind(stack)
  }
  const rewound = () => {
    m.rewinding = false
    m.exports[t]!.asyncify_stop_rewind()
  }
  /** Announces the event and waits to be chosen. False if the thread has to unwind (or has just been rewound, to do it). */
  const announce = (op: number, flags: number, at: number, bytes: number, site: number): boolean => {
    m.settle()
    m.pend(t, op, flags, at, bytes, site)
    if (t === m.victim && m.dies(t)) {
      m.die(t)
      m.next = m.explorer.choose(m, t)
      unwind()
      return false
    }
    const next = m.explorer.choose(m, t)
    if (next === t) return true
    m.next = next
    unwind()
    return false
  }
  return {
    env: { memory: m.memory.memory },
    model: {
      step: (site: number, op: number, at: number, bytes: number) => {
        if (m.rewinding) return rewound()
        if (m.direct) return m.pass(at, bytes)
        if (announce(op, O.FLAGS[op] as number, at, bytes, site)) m.perform(t)
      },
      note: (site: number, op: number, at: number, bytes: number) => {
        if (op >= O.OP_PEEK || m.racy) {
          if (bytes === 0) return
          if (m.rewinding) return rewound()
          if (m.direct) return m.pass(at, bytes)
          if (announce(op, O.FLAGS[op] as number, at, bytes, site)) m.perform(t)
          return
        }
        if (m.direct) return m.pass(at, bytes)
        m.settle()
        m.reached[site]!++
        if (m.onAccess && bytes > 0) m.onAccess(t, op, at, bytes)
        if (op === O.OP_SET) {
          if (t === m.victim) {
            if (m.dies(t)) {
              m.die(t)
              m.next = m.explorer.choose(m, t)
              unwind()
              return
            }
            m.counted = false
          }
          m.memory.dirty(at, bytes)
          m.memory.bumpAll(at, bytes)
          if (m.stale.seed !== 0 && bytes > 0) m.stale.changeAll(t, at, bytes)
          m.reads.own(t, at, bytes)
        } else m.reads.add(t, at >> 2)
        m.races.plain(t, op, at, bytes)
      },
      wait: (site: number, at: number, expected: number, timeout: bigint): number => {
        if (m.rewinding) {
          rewound()
          return m.answer[t] as number
        }
        if (m.direct) throw new Error('setup and final checks must not sleep')
        m.expected[t] = expected | 0
        m.timed[t] = timeout >= 0n ? 1 : 0
        if (!announce(O.OP_WAIT, O.FLAGS[O.OP_WAIT] as number, at, 4, site)) return 0
        m.perform(t)
        if (m.state[t] === ASLEEP || m.state[t] === DEAD) {
          const next = m.explorer.choose(m, t)
          if (next !== t) {
            m.next = next
            unwind()
            return 0
          }
          m.perform(t)
        }
        return m.answer[t] as number
      },
      notify: (site: number, at: number, count: number): number => {
        if (m.rewinding) {
          rewound()
          return m.answer[t] as number
        }
        if (m.direct) return 0
        m.expected[t] = count
        if (!announce(O.OP_NOTIFY, O.FUTEX, at, 4, site)) return 0
        m.perform(t)
        return m.answer[t] as number
      },
      left: () => {
        if (m.rewinding) return rewound()
        if (m.direct || t !== m.victim) return
        m.settle()
        if (m.dies(t)) {
          m.die(t)
          m.next = m.explorer.choose(m, t)
          unwind()
        }
      },
      pause: (site: number) => {
        if (m.rewinding) return rewound()
        if (m.direct) throw new Error('setup and final checks must not wait')
        if (m.lockFree) throw new Failure('not lock-free', `thread ${t} waits for another thread`)
        if (announce(O.OP_PAUSE, 0, 0, 0, site)) m.perform(t)
      },
    },
  }
}
