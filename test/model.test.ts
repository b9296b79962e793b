// The model checker is tested by programs whose outcomes are known, and by breaking what it checks. `npm run model` runs all scenarios
// and all mutants; here are those that take a moment.

import { execFileSync, spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { prepare, root } from './model/checker/build.js'
import { explore, mutated, Rig } from './model/checker/explore.js'
import { linearizable } from './model/checker/linear.js'
import type { Operation } from './model/checker/program.js'
import { story } from './model/checker/report.js'
import type { Scenario } from './model/checker/scenario.js'
import { decode, encode, follow, runsOf, shrink } from './model/checker/shrink.js'
import { queueSpec, stackSpec } from './model/checker/specs.js'
import { scenarios } from './model/scenarios/index.js'
import { litmus } from './model/scenarios/litmus.js'
import { mutants } from './model/scenarios/mutants.js'

const options = { seed: 1, full: false }

function named(name: string): Scenario {
  const s = scenarios.find((x) => x.name === name)
  if (!s) throw new Error(`no scenario ${name}`)
  return s
}

beforeAll(async () => {
  await prepare((litmus[0] as Scenario).recipe)
}, 60_000)

describe('litmus', () => {
  for (const s of litmus) {
    it(`${s.name}: ${s.about}`, () => {
      const r = explore(s, options)
      expect(r.found?.failure.kind).toBe(s.expect)
      if (!s.expect) expect(r.complete).toBe(true)
      if (s.outcomes) expect(r.outcomes).toEqual([...s.outcomes].sort())
    })
  }
})

/** Results of all operations, and which of them ended before which began. */
const everything: Scenario['outcome'] = (b) => {
  const name = (o: Operation) => `${o.thread}.${b.history.filter((p) => p.thread === o.thread).indexOf(o)}`
  const before = (o: Operation) =>
    b.history
      .filter((p) => p.responded < o.invoked)
      .map(name)
      .sort()
  return b.history
    .map((o) => `${name(o)} ${o.op}=${o.result} after ${before(o)}`)
    .sort()
    .join('; ')
}

/** A program that ends after its first operation. */
function firstOf(program: Scenario['threads'][number]): Scenario['threads'][number] {
  return function* (t, env) {
    const { value, done } = program(t, env).next()
    if (!done) yield value
  }
}

describe('partial-order reduction', () => {
  const small = litmus.filter(
    (s) => !s.expect && s.threads.length === 2 && !/timed|two sleepers|increments|spin lock/.test(s.name),
  )
  for (const s of small) {
    it(`loses nothing in ${s.name}`, () => {
      const whole = { ...s, outcome: everything, realtime: true, outcomes: undefined } as unknown as Scenario
      const reduced = explore(whole, options)
      const brute = explore(whole, { ...options, explore: { preemptions: 1000, executions: 500_000 } })
      expect(brute.how).toBe('≤ 1000 preemptions')
      expect(reduced.complete).toBe(true)
      expect(reduced.outcomes).toEqual(brute.outcomes)
      expect(reduced.executions).toBeLessThanOrEqual(brute.executions)
    })
  }
})

describe('linearizability', () => {
  const op = (
    thread: number,
    name: string,
    arg: number | undefined,
    result: Operation['result'],
    invoked: number,
    responded: number,
  ): Operation => ({
    thread,
    op: name,
    arg,
    result,
    invoked,
    responded,
    dead: false,
  })

  it('accepts what some order explains', () => {
    const history = [
      op(0, 'trySend', 1, 'ok', 0, 5),
      op(1, 'trySend', 2, 'ok', 1, 4),
      op(2, 'tryReceive', undefined, 2, 2, 3),
    ]
    expect(linearizable(queueSpec(2), history).ok).toBe(true)
  })

  it('refuses what no order explains', () => {
    const history = [
      op(0, 'trySend', 1, 'ok', 0, 1),
      op(0, 'trySend', 2, 'ok', 2, 3),
      op(1, 'tryReceive', undefined, 2, 4, 5),
    ]
    expect(linearizable(queueSpec(2), history).ok).toBe(false)
    expect(
      linearizable(
        stackSpec(2),
        history.map((o) => ({ ...o, op: o.op === 'trySend' ? 'push' : 'pop' })),
      ).ok,
    ).toBe(true)
  })

  it('lets an operation of a killed thread have happened, or not', () => {
    const killed = { ...op(0, 'trySend', 1, undefined, 0, Number.POSITIVE_INFINITY), dead: true }
    for (const result of [1, 'empty'])
      expect(linearizable(queueSpec(1), [killed, op(1, 'tryReceive', undefined, result, 2, 3)]).ok).toBe(true)
    expect(linearizable(queueSpec(1), [killed, op(1, 'tryReceive', undefined, 2, 2, 3)]).ok).toBe(false)
  })

  it('calls it a lost wake-up when a sleeper could go on', () => {
    const asleep = op(0, 'receive', undefined, undefined, 0, Number.POSITIVE_INFINITY)
    expect(linearizable(queueSpec(1), [asleep]).ok).toBe(true)
    expect(linearizable(queueSpec(1), [asleep, op(1, 'trySend', 1, 'ok', 1, 2)])).toMatchObject({
      ok: false,
      lost: true,
    })
  })
})

describe('a failure', () => {
  it('is shrunk, told as a table, and run again from its schedule', () => {
    const s = named('litmus/notify before publish')
    const found = explore(s, options).found
    if (!found) throw new Error('nothing found')
    const rig = new Rig(s)
    const short = shrink(rig, found)
    expect(runsOf(short.schedule).length).toBeLessThanOrEqual(runsOf(found.schedule).length)
    const text = encode(short.variant, short.schedule)
    const { variant, runs } = decode(text)
    expect(follow(rig, variant, runs)?.failure.kind).toBe('lost wake-up')
    const told = story(rig, short)
    expect(told).toMatch(/^lost wake-up/)
    expect(told).toMatch(/notify +Z +litmus\.ts:\d+ +notify\(Z, 1\);/)
    expect(told).toContain(`--replay '${text}'`)
  })

  it('names the kill in its schedule', () => {
    const found = explore(named('litmus/kill under a spin lock'), options).found
    if (!found) throw new Error('nothing found')
    expect(encode(found.variant, found.schedule)).toMatch(/^kill=0@\d+\//)
  })
})

describe('the core', () => {
  beforeAll(async () => {
    await prepare(named('narrow ring/mixed').recipe)
  }, 60_000)

  for (const name of [
    'narrow ring/mixed',
    'narrow ring/sender killed',
    'wide ring/receiver killed',
    'stack/pop against pop, pop, push (ABA)',
    'narrow channel/receiver parks',
    'wide channel/close wakes senders',
    'threads/reaper killed',
  ]) {
    it(name, () => {
      const r = explore(named(name), options)
      expect(r.found?.failure.message).toBeUndefined()
      expect(r.complete).toBe(true)
    })
  }

  // Cut to the first operation of each thread, all schedules can be tried without any reduction.
  for (const name of [
    'narrow ring/send against receive',
    'wide ring/send against receive',
    'narrow ring/two receivers',
    'stack/push against pop',
  ]) {
    it(`is reduced without loss: ${name}, one operation each`, () => {
      const s = named(name)
      const first = {
        ...s,
        threads: s.threads.map((p) => firstOf(p)),
        outcome: everything,
        victims: [],
      } as unknown as Scenario
      const reduced = explore(first, { ...options, explore: { stale: 0 } })
      const brute = explore(first, { ...options, explore: { preemptions: 1000, executions: 2_000_000, stale: 0 } })
      expect(brute.found).toBeUndefined()
      expect(brute.how).toBe('≤ 1000 preemptions')
      expect(reduced.complete).toBe(true)
      expect(reduced.outcomes).toEqual(brute.outcomes)
    }, 120_000)
  }

  for (const name of ['help limited to lag one', 'notify before the bell', 'stack without a tag']) {
    it(`mutant: ${name}`, async () => {
      const m = mutants.find((x) => x.name === name)
      if (!m) throw new Error(`no mutant ${name}`)
      let caught = false
      for (const s of m.scenarios.map(named)) {
        await prepare(mutated(s, m.mutations))
        caught ||= explore(s, { ...options, mutations: m.mutations }).found !== undefined
        if (caught) break
      }
      expect(caught).toBe(true)
    }, 60_000)
  }

  it('has no two scenarios or mutants of one name, and no mutant without a scenario', () => {
    const names = [...scenarios, ...mutants].map((x) => x.name)
    expect(new Set(names).size).toBe(names.length)
    for (const m of mutants) for (const s of m.scenarios) expect(named(s)).toBeDefined()
  })
})

describe('the command', () => {
  const main = join(root, 'build', 'model-js', 'main.js')
  const run = (...args: string[]) => spawnSync(process.execPath, [main, ...args], { encoding: 'utf8' })

  beforeAll(() => {
    if (!existsSync(main))
      execFileSync(process.execPath, [
        join(root, 'node_modules', 'typescript', 'lib', 'tsc.js'),
        '-p',
        join(root, 'test', 'model'),
      ])
  }, 60_000)

  it('lists what there is', () => {
    const { status, stdout } = run('--list')
    expect(status).toBe(0)
    for (const s of scenarios) expect(stdout).toContain(s.name)
    for (const m of mutants) expect(stdout).toContain(`mutant ${m.name}`)
  })

  it('answers an unknown name with the known ones', () => {
    const { status, stderr } = run('--only', 'no such thing')
    expect(status).toBe(2)
    expect(stderr).toContain('no such thing')
    expect(stderr).toContain('litmus/store buffering')
  })

  it('fails where something is wrong, with a schedule that fails again', () => {
    const name = 'litmus/lost increments, by specification'
    const found = explore(named(name), options).found
    if (!found) throw new Error('nothing found')
    const { status, stdout } = run('--only', name, '--replay', encode(found.variant, found.schedule))
    expect(status).toBe(1)
    expect(stdout).toContain('not linearizable')
  })
})
