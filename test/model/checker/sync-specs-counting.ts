// Sequential specifications of semaphores, wait groups and barriers. Arguments are `thread:n`.

import type { Spec } from './linear.js'
import type { Value } from './program.js'

type Outcome<S> = readonly (readonly [Value, S])[]

function read(arg: Value): [thread: number, n: number] {
  const [thread, n] = String(arg).split(':')
  return [Number(thread), Number(n ?? 0)]
}

const sum = (list: readonly number[]): number => list.reduce((a, b) => a + b, 0)
/** The list with another value at one place. */
const at = (list: readonly number[], i: number, v: number): number[] => list.map((old, k) => (k === i ? v : old))

interface Permits {
  readonly held: readonly number[]
  readonly gone: boolean
}

/** The ways to take `n` from what is held, the thread's own first. */
function takings(held: readonly number[], thread: number, n: number): number[][] {
  const own = Math.min(n, held[thread] as number)
  let ways = [{ held: at(held, thread, (held[thread] as number) - own), n: n - own }]
  held.forEach((_, other) => {
    ways = ways.flatMap((way) =>
      Array.from({ length: Math.min(way.n, way.held[other] as number) + 1 }, (_, k) => ({
        held: at(way.held, other, (way.held[other] as number) - k),
        n: way.n - k,
      })),
    )
  })
  return ways.filter((way) => way.n === 0).map((way) => way.held)
}

/**
 * A semaphore. `acquire` and `timed` wait; `try` says 'no'. It may do so while anybody is at it; `strict`: only if there are not so many. `mend`
 * comes after the death of a thread. `held`: what each thread holds to begin with.
 */
export function semaphoreSpec(size: number, held: readonly number[], strict: boolean): Spec<Permits> {
  return {
    name: 'semaphore',
    init: () => ({ held, gone: false }),
    key: (s) => `${s.held.join()}${s.gone ? '!' : ''}`,
    apply(s, op, arg): Outcome<Permits> {
      const [thread, n] = read(arg)
      if (s.gone) return [[op === 'mend' ? 'ok' : 'stale', s]]
      const available = size - sum(s.held)
      const taken = { ...s, held: at(s.held, thread, (s.held[thread] as number) + n) }
      switch (op) {
        case 'acquire':
          return available >= n ? [['ok', taken]] : []
        case 'timed':
          return available >= n
            ? [
                ['ok', taken],
                ['timeout', s],
              ]
            : [['timeout', s]]
        case 'try':
          if (available < n) return [['no', s]]
          return strict
            ? [['ok', taken]]
            : [
                ['ok', taken],
                ['no', s],
              ]
        case 'release':
          if (available + n > size) return [['not held', s]]
          return takings(s.held, thread, n).map((held) => ['ok', { ...s, held }] as const)
        case 'available':
          return [[available, s]]
        case 'dispose':
          return [['ok', { ...s, gone: true }]]
        case 'mend':
          return [['ok', { ...s, held: at(s.held, thread, 0) }]]
      }
      throw new Error(`a semaphore has no '${op}'`)
    },
  }
}

interface Group {
  readonly count: number
  /** What belongs to each thread. */
  readonly own: readonly number[]
  /** How often the counter has become zero, and at how many each thread began to wait. */
  readonly zeros: number
  readonly since: readonly number[]
  readonly gone: boolean
}

/** A wait group, whose counter begins at `count`. `task` makes one of it the thread's, `go` adds it before, `end` ends it. */
export function waitGroupSpec(count: number, threads: number): Spec<Group> {
  return {
    name: 'wait group',
    init: () => {
      const none = Array.from({ length: threads }, () => 0)
      return { count, own: none, zeros: 0, since: none, gone: false }
    },
    key: (s) => `${s.count} ${s.own.join()} ${s.zeros} ${s.since.join()}${s.gone ? '!' : ''}`,
    apply(s, op, arg): Outcome<Group> {
      const [thread, n] = read(arg)
      const told = s.zeros !== s.since[thread]
      if (op === 'pass' || op === 'timed') {
        const out: (readonly [Value, Group])[] = []
        if (told) out.push(['ok', s])
        // Whoever is told may be told that it was disposed of, if that came first.
        if (s.gone) out.push(['stale', s])
        if (op === 'timed') out.push(['timeout', s])
        return out
      }
      if (s.gone) return [[op === 'mend' ? 'ok' : 'stale', s]]
      const mine = s.own[thread] as number
      const counted = (count: number, own: number): Group => ({
        ...s,
        count,
        own: at(s.own, thread, own),
        zeros: s.zeros + (count === 0 && s.count !== 0 ? 1 : 0),
      })
      switch (op) {
        case 'look':
          return [[s.count === 0 ? 'ok' : 'waits', { ...s, since: at(s.since, thread, s.zeros) }]]
        case 'add':
          return s.count + n < 0 ? [['negative', s]] : [['ok', counted(s.count + n, mine)]]
        case 'count':
          return [[s.count, s]]
        case 'task':
          return s.count === 0 ? [['negative', s]] : [['ok', counted(s.count, mine + 1)]]
        case 'go':
          return [['ok', counted(s.count + 1, mine + 1)]]
        case 'end':
          return s.count === 0 ? [['negative', counted(0, mine - 1)]] : [['ok', counted(s.count - 1, mine - 1)]]
        case 'dispose':
          return [['ok', { ...s, gone: true }]]
        case 'mend':
          return [['ok', counted(Math.max(0, s.count - mine), 0)]]
      }
      throw new Error(`a wait group has no '${op}'`)
    },
  }
}

interface Meeting {
  readonly round: number
  /** The round in which each thread waits, or -1. */
  readonly waits: readonly number[]
  readonly gone: boolean
}

/** A barrier. `arrive` says whether the thread is the last one; `pass` and `timed` are the end of the wait of one who is not. */
export function barrierSpec(parties: number, threads: number): Spec<Meeting> {
  return {
    name: 'barrier',
    init: () => ({ round: 0, waits: Array.from({ length: threads }, () => -1), gone: false }),
    key: (s) => `${s.round} ${s.waits.join()}${s.gone ? '!' : ''}`,
    apply(s, op, arg): Outcome<Meeting> {
      const [thread] = read(arg)
      const round = s.waits[thread] as number
      const without = { ...s, waits: at(s.waits, thread, -1) }
      switch (op) {
        case 'arrive':
          if (s.gone) return [['stale', s]]
          if (s.waits.filter((r) => r === s.round).length + 1 === parties)
            return [['last', { ...s, round: s.round + 1 }]]
          return [['waits', { ...s, waits: at(s.waits, thread, s.round) }]]
        case 'pass':
        case 'timed': {
          const out: (readonly [Value, Meeting])[] = []
          if (round !== s.round) out.push(['ok', without])
          // Whose round is over may be told that it was disposed of, if that came before it was told.
          if (s.gone) out.push(['stale', without])
          if (op === 'timed' && (round === s.round || s.gone)) out.push(['timeout', without])
          return out
        }
        case 'dispose':
          return [[s.gone ? 'stale' : 'ok', { ...s, gone: true }]]
        case 'mend':
          return [['ok', without]]
      }
      throw new Error(`a barrier has no '${op}'`)
    },
  }
}
