// The specification of channels on which threads wait, with waiting as something that others can see.
//
// Algorithm: dual objects (W. Scherer and M. Scott, "Nonblocking concurrent objects with condition synchronization", DISC 2004). An operation
// that waits is two: it queues up (`park`), and hears what has become of it (`await`, or `cancel`). Each is atomic. So the specification
// knows at every moment who waits, and can say that a try must not refuse while somebody waits on the other side. A select parks several
// times and awaits once.
//
// Values and waiters are matched at any moment: a step of its own, with no operation. Who is told that it would have to wait was told so when
// nothing was left to match. A history may hold whole operations (`send`, `receive`, `select`): `parts` takes them apart.

import type { Spec } from './linear.js'
import type { Operation, Value } from './program.js'

interface Entry {
  readonly id: string
  /** Which case of its select. */
  readonly k: number
  readonly value: number
}

interface Side {
  items: number[]
  closed: boolean
  gone: boolean
  /** Who waits: to receive, to send. */
  r: Entry[]
  s: Entry[]
}

interface State {
  readonly channels: Record<string, Side>
  /** What has become of those whose wait has ended. */
  readonly done: Record<string, string>
  /** Cancelled waits and dead threads: nothing more is heard of them. */
  readonly over: string[]
}

export interface ChannelSpec {
  readonly name: string
  readonly capacity: number
  readonly items?: readonly number[]
  /** Somebody else waits to send this. */
  readonly parked?: number
  /** Somebody disposes of it, and frees what is in it, one after the other, while others may still receive. */
  readonly drained?: boolean
}

const threadOf = (id: string): string => id.slice(0, id.indexOf('#'))
const copy = (q: State): State => JSON.parse(JSON.stringify(q)) as State
const key = (q: State): string => JSON.stringify(q)
const isOver = (q: State, id: string): boolean => q.over.includes(id) || q.over.includes(threadOf(id))

/** `a?` or `a!7`. */
function parse(text: string): { name: string; sends: boolean; value: number } {
  const sends = text.includes('!')
  return { name: text[0] as string, sends, value: sends ? Number(text.slice(2)) : 0 }
}

/** The waiter leaves all queues. */
function leave(q: State, id: string): void {
  for (const c of Object.values(q.channels)) {
    c.r = c.r.filter((e) => e.id !== id)
    c.s = c.s.filter((e) => e.id !== id)
  }
}

function complete(q: State, e: Entry, outcome: number | string): void {
  q.done[e.id] = `${e.k}=${outcome}`
  leave(q, e.id)
}

export function dualSpec(channels: readonly ChannelSpec[]): Spec<State> {
  const capacity = Object.fromEntries(channels.map((c) => [c.name, c.capacity]))
  const drained = channels.filter((c) => c.drained).map((c) => c.name)

  /** All states that one match in the channel leads to. */
  function matches(q: State, name: string): State[] {
    const out: State[] = []
    const c = q.channels[name] as Side
    const step = (change: (q: State, c: Side) => void): void => {
      const next = copy(q)
      change(next, next.channels[name] as Side)
      out.push(next)
    }
    if (c.gone) {
      if (c.r[0]) step((n) => complete(n, c.r[0] as Entry, 'stale'))
      if (c.s[0]) step((n) => complete(n, c.s[0] as Entry, 'stale'))
      return out
    }
    if (c.closed) {
      if (c.s[0]) step((n) => complete(n, c.s[0] as Entry, 'closed'))
      if (c.r[0] && c.items.length === 0) step((n) => complete(n, c.r[0] as Entry, 'closed'))
    } else if (capacity[name] === 0) {
      let [r, s] = [c.r[0], c.s[0]]
      if (r && s && r.id === s.id) {
        if (c.r[1]) r = c.r[1]
        else s = c.s[1]
      }
      if (r && s) {
        const [receiver, sender] = [r, s]
        step((n) => {
          complete(n, receiver, sender.value)
          complete(n, sender, 'ok')
        })
      }
    } else if (c.s[0] && c.items.length < (capacity[name] as number)) {
      const sender = c.s[0]
      step((n, d) => {
        d.items.push(sender.value)
        complete(n, sender, 'ok')
      })
    }
    if (c.r[0] && c.items.length > 0) {
      const receiver = c.r[0]
      step((n, d) => complete(n, receiver, d.items.shift() as number))
    }
    return out
  }

  /** All states that any number of matches lead to. */
  function reachable(q: State): State[] {
    const seen = new Map([[key(q), q]])
    for (const each of seen.values()) {
      for (const name of Object.keys(capacity))
        for (const next of matches(each, name)) if (!seen.has(key(next))) seen.set(key(next), next)
      for (const name of drained) {
        const next = copy(each)
        next.channels[name]?.items.shift()
        if (!seen.has(key(next))) seen.set(key(next), next)
      }
    }
    return [...seen.values()]
  }

  function ready(c: Side, name: string, sends: boolean): boolean {
    if (c.gone || c.closed) return true
    if (capacity[name] === 0) return sends ? c.r.length > 0 : c.s.length > 0
    return sends ? c.items.length < (capacity[name] as number) : c.items.length > 0
  }

  /** One operation on one state, with no match before it. */
  function one(q: State, op: string, arg: string): readonly [Value, State] | undefined {
    const [who, ...rest] = arg.split(' ') as [string, ...string[]]
    const text = rest[rest.length - 1] ?? ''
    const after = (change: (n: State, c: Side) => Value): readonly [Value, State] => {
      const next = copy(q)
      return [change(next, next.channels[name] as Side), next]
    }
    const { name, sends, value } = parse(text || 'a?')
    const c = q.channels[name] as Side
    switch (op) {
      case 'try': {
        if (isOver(q, who)) return undefined
        if (c.gone) return ['stale', q]
        if (sends && c.closed) return ['closed', q]
        if (capacity[name] === 0 && !c.closed) {
          const other = sends ? c.r[0] : c.s[0]
          if (other)
            return after((n) => {
              complete(n, other, sends ? value : 'ok')
              return sends ? 'ok' : other.value
            })
        } else if (sends) {
          if (c.items.length < (capacity[name] as number))
            return after((_, d) => {
              d.items.push(value)
              return 'ok'
            })
        } else if (c.items.length > 0) return after((_, d) => d.items.shift())
        if (c.closed) return ['closed', q]
        // With a ring, a try looks at what is in it: who waits may be on the way in or out.
        return capacity[name] !== 0 || matches(q, name).length === 0 ? [sends ? 'full' : 'empty', q] : undefined
      }
      case 'none': // none of these cases is ready, at one moment
        if (Object.keys(capacity).some((each) => matches(q, each).length > 0)) return undefined
        return rest.every((each) => {
          const p = parse(each)
          return !ready(q.channels[p.name] as Side, p.name, p.sends)
        })
          ? ['none', q]
          : undefined
      case 'park': // arg `id k a!7`
        if (isOver(q, who)) return undefined
        return after((n, d) => {
          if (n.done[who] !== undefined) return 'parked'
          const entry = { id: who, k: Number(rest[0]), value }
          if (d.gone) complete(n, entry, 'stale')
          else d[sends ? 's' : 'r'].push(entry)
          return 'parked'
        })
      case 'await':
      case 'cancel': {
        if (isOver(q, who)) return undefined
        const end = q.done[who]
        if (end === undefined && op === 'await') return undefined
        return after((n) => {
          leave(n, who)
          n.over.push(who)
          delete n.done[who]
          return end ?? 'timeout'
        })
      }
      case 'reap':
        return after((n) => {
          for (const each of Object.values(n.channels))
            for (const e of [...each.r, ...each.s]) if (threadOf(e.id) === rest[0]) leave(n, e.id)
          for (const id of Object.keys(n.done)) if (threadOf(id) === rest[0]) delete n.done[id]
          n.over.push(rest[0] as string)
          return 'ok'
        })
      case 'close':
        if (isOver(q, who)) return undefined
        if (c.gone) return ['stale', q]
        if (c.closed) return ['closed', q]
        return after((_, d) => {
          d.closed = true
          return 'ok'
        })
      case 'dispose':
        if (isOver(q, who)) return undefined
        if (c.gone) return ['stale', q]
        return after((_, d) => {
          d.closed = d.gone = true
          d.items = []
          return 'ok'
        })
    }
    throw new Error(`channels have no '${op}'`)
  }

  return {
    name: channels.map((c) => `channel ${c.name} of capacity ${c.capacity}`).join(' and '),
    init: () => ({
      channels: Object.fromEntries(
        channels.map((c) => {
          const s = c.parked === undefined ? [] : [{ id: `main#${c.name}`, k: 0, value: c.parked }]
          return [c.name, { items: [...(c.items ?? [])], closed: false, gone: false, r: [], s }]
        }),
      ),
      done: {},
      over: [],
    }),
    key,
    apply: (q, op, arg) =>
      reachable(q)
        .map((each) => one(each, op, String(arg)))
        .filter((next) => next !== undefined),
  }
}

/** Later than everything. */
const LAST = 1e9

/** Takes whole operations apart. Who is asleep at the end has parked. */
export function parts(history: readonly Operation[]): Operation[] {
  const all: Operation[] = []
  const masks: number[] = []
  for (const [index, o] of history.entries()) {
    const first = all.length
    const ended = o.responded !== Infinity
    const me = `t${o.thread}#${index}`
    const add = (op: string, arg: string, result: Value, responded = o.responded): void => {
      const chained = all.length > first ? { after: all.length - 1 } : {}
      all.push({ ...o, op, arg, result, responded, ...chained })
    }
    const text = String(o.arg)
    switch (o.op) {
      case 'try':
      case 'close':
      case 'dispose':
        add(o.op, `${me} ${text}${o.op === 'try' ? '' : '?'}`, o.result)
        break
      case 'reap':
        add('reap', `- t${text}`, o.result)
        break
      case 'default': {
        const [k, r] = String(o.result).split('=')
        if (o.result === 'unsure') break
        if (o.result === 'none') add('none', `- ${text}`, 'none')
        else if (ended) add('try', `${me} ${text.split(' ')[Number(k)]}`, number(r as string))
        else for (const each of text.split(' ')) add('try', `${me} ${each}`, undefined)
        break
      }
      case 'park': {
        const [id, ...cases] = text.split(' ')
        for (const [k, each] of cases.entries()) add('park', `${id} ${k} ${each}`, 'parked')
        break
      }
      case 'wait': {
        text.split(' ').forEach((each, k) => {
          add('park', `${me} ${k} ${each}`, 'parked', ended || o.dead ? o.responded : LAST)
        })
        if (ended) add(o.result === 'timeout' ? 'cancel' : 'await', me, o.result)
        else if (!o.dead) add('await', me, undefined)
        break
      }
      case 'many': {
        const values = text.slice(2).split(',')
        const single = (k: number): string => (text[1] === '!' ? `${text[0]}!${values[k]}` : `${text[0]}?`)
        const n = text[1] === '!' ? values.length : Number(values[0])
        if (!ended) {
          for (let k = 0; k < n; k++) add('try', `${me} ${single(k)}`, undefined)
          break
        }
        const result = String(o.result)
        const got = result.slice(0, result.indexOf(' ')).split(',').filter(Boolean)
        const why = result.slice(result.indexOf(' ') + 1)
        for (const [k, v] of got.entries()) add('try', `${me} ${single(k)}`, text[1] === '!' ? 'ok' : number(v))
        const refused = text[1] === '!' ? 'full' : 'empty'
        // Somebody was in the way.
        if (why.startsWith('status')) break
        if (got.length < n) add('try', `${me} ${single(got.length)}`, why === 'would block' ? refused : why)
        break
      }
      default:
        all.push({ ...o })
    }
    masks.push(((1 << (all.length - first)) - 1) << first)
  }
  // What was known of an operation is known of all its parts.
  for (const o of all) {
    const known = o.known ?? 0
    o.known = masks.reduce((mask, part, k) => (known & (1 << k) ? mask | part : mask), 0)
  }
  return all
}

function number(text: string): Value {
  return /^\d+$/.test(text) ? Number(text) : text
}
