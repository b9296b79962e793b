// Linearizability: is there an order of the operations, each taking effect at one moment between its invocation and its response, in
// which a sequential specification gives the same results?
//
// Algorithm: J. Wing and C. Gong, "Testing and verifying concurrent objects" (1993), with G. Lowe's memoisation of (set of operations
// done, state). Pending operations of killed threads may have happened or not. Pending operations of sleeping threads must be ones
// that cannot happen in the final state: else a wake-up was lost.

import type { Operation, Value } from './program.js'

/** A sequential object. States are immutable and have a key. */
export interface Spec<S = unknown> {
  readonly name: string
  init(): S
  /** All outcomes that the operation may have in that state, as result and next state; none if it has to wait. */
  apply(state: S, op: string, arg: Value): readonly (readonly [Value, S])[]
  key(state: S): string
}

export interface Verdict {
  ok: boolean
  /** What is wrong, if anything. */
  text: string
  lost: boolean
}

const fine: Verdict = { ok: true, text: '', lost: false }
const LIMIT = 30

/**
 * `causal`: an operation comes after those that happen before it, not after those that ended earlier by the clock on the wall: the right
 * question where reads may be stale.
 */
export function linearizable(spec: Spec<unknown>, history: readonly Operation[], causal = false): Verdict {
  const n = history.length
  if (n > LIMIT) throw new Error(`histories are limited to ${LIMIT} operations`)
  let completed = 0
  const before = new Int32Array(n) // operations that must come first
  for (let i = 0; i < n; i++) {
    const a = history[i] as Operation
    if (a.responded !== Infinity) completed |= 1 << i
    if (a.after !== undefined) before[i]! |= 1 << a.after
    if (causal) before[i]! |= a.known ?? 0
    else
      for (let j = 0; j < n; j++) if (j !== i && (history[j] as Operation).responded < a.invoked) before[i]! |= 1 << j
  }
  const waiting = history.filter((o) => o.responded === Infinity && !o.dead)
  const seen = new Set<string>()
  let reached = false
  const search = (done: number, state: unknown): boolean => {
    if ((done & completed) === completed) {
      reached = true
      if (waiting.every((o) => spec.apply(state, o.op, o.arg).length === 0)) return true
    }
    const key = `${done}:${spec.key(state)}`
    if (seen.has(key)) return false
    seen.add(key)
    for (let i = 0; i < n; i++) {
      if (done & (1 << i) || ((before[i] as number) & ~done) !== 0) continue
      const o = history[i] as Operation
      const pending = o.responded === Infinity
      if (pending && !o.dead) continue
      for (const [result, next] of spec.apply(state, o.op, o.arg)) {
        if ((pending || result === o.result) && search(done | (1 << i), next)) return true
      }
    }
    return false
  }
  if (search(0, spec.init())) return fine
  const text = history.map(describe).join('; ')
  if (reached) return { ok: false, lost: true, text: `a sleeping thread could go on: ${text}` }
  return { ok: false, lost: false, text: `no order of these operations agrees with a ${spec.name}: ${text}` }
}

export function describe(o: Operation): string {
  const result = o.responded === Infinity ? (o.dead ? 'killed' : 'asleep') : show(o.result)
  return `t${o.thread} ${o.op}(${o.arg === undefined ? '' : show(o.arg)}) = ${result}`
}

export function show(v: Value): string {
  return typeof v === 'string' ? v : typeof v === 'bigint' ? `${v}n` : String(v)
}

/** Key under which the verdict on a history can be remembered: results, and which operation ended before which began. */
export function historyKey(history: readonly Operation[], causal = false): string {
  let key = ''
  for (const a of history) {
    let before = 0
    if (causal) before = a.known ?? 0
    else for (let j = 0; j < history.length; j++) if ((history[j] as Operation).responded < a.invoked) before |= 1 << j
    key += `${a.thread}${a.op}${String(a.arg)}=${a.responded === Infinity ? (a.dead ? '†' : 'z') : String(a.result)}<${before};`
  }
  return key
}
