// Small runs of the two families of `npm run stress` that look for what no single-threaded test can see; and tests of what judges them.

import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { beforeAll, describe, expect, test } from 'vitest'
import { judge, overlaps } from './stress/judge.mjs'
import { audit, makeLedger, reader, writer } from './stress/ledger.mjs'
import { selectJudge } from './stress/select-judge.mjs'
import { seed } from './support/random.js'

const run = promisify(execFile)
const path = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url))

// The stress program is plain JavaScript and takes the checker as compiled.
beforeAll(async () => {
  await run(process.execPath, [path('../node_modules/typescript/bin/tsc'), '-p', path('./model')])
}, 60_000)

async function stress(...flags: string[]): Promise<string> {
  const program = run(process.execPath, [path('./stress/main.mjs'), '--seed', String(seed), ...flags])
  const { stdout } = await program.catch((error) => error)
  return stdout
}

describe('histories', () => {
  test('what real threads hear can be explained by some order of their operations', async () => {
    const report = await stress('--only', '^histories/(channel|stack)', '--histories', '600')
    expect(report).not.toContain('WRONG')
    expect(report).toContain('600 histories in')
    // Not one after the other: that would prove nothing.
    const overlapped = [...report.matchAll(/(\d+) with operations at the same time/g)]
    expect(overlapped.reduce((sum, [, n]) => sum + Number(n), 0)).toBeGreaterThan(100)
  }, 60_000)

  test('nor do threads hear anything else in selects and at rendezvous', async () => {
    const report = await stress('--only', '^histories/(select|rendezvous)', '--histories', '900')
    expect(report).not.toContain('WRONG')
    expect(report).toContain('900 histories in')
    const met = [...report.matchAll(/([\d.]+) selects that did a case and ([\d.]+) rendezvous each/g)]
    expect(met.reduce((sum, [, hits]) => sum + Number(hits), 0)).toBeGreaterThan(3)
    expect(met.reduce((sum, [, , meetings]) => sum + Number(meetings), 0)).toBeGreaterThan(1)
  }, 60_000)

  const op = (thread: number, op: string, arg: unknown, result: unknown, invoked: number, responded: number) => ({
    ...{ thread, op, arg, result, invoked, responded, dead: false },
  })

  test('the judge accepts what overlaps and refuses a lost, a doubled and a reordered value', async () => {
    const check = await judge()
    const sends = [op(0, 'trySend', 1, 'ok', 0, 3), op(1, 'sendTimed', 2, 'ok', 1, 2)]
    const first = (value: unknown) => op(0, 'tryReceive', undefined, value, 4, 5)
    const second = (value: unknown) => op(1, 'receiveTimed', undefined, value, 6, 7)
    expect(overlaps(sends)).toBe(1)
    for (const order of [
      [1, 2],
      [2, 1],
    ])
      expect(() => check('channel', 2, [], [...sends, first(order[0]), second(order[1])])).not.toThrow()
    for (const wrong of [
      [1, 1],
      [1, 3],
      ['empty', 1],
      ['closed', 1],
    ])
      expect(() => check('channel', 2, [], [...sends, first(wrong[0]), second(wrong[1])])).toThrow(/no order of these/)
    const inOrder = [op(0, 'trySend', 1, 'ok', 0, 1), op(1, 'trySend', 2, 'ok', 2, 3)]
    expect(() => check('channel', 2, [], [...inOrder, first(2), second(1)])).toThrow(/t1 {2}trySend\(2\) +ok +├┤/)
    expect(() => check('channel', 2, [], [op(0, 'poll', undefined, 'nothing', 0, 1), first('empty')])).not.toThrow()
    expect(() => check('channel', 2, [7], [op(0, 'poll', undefined, 'nothing', 0, 1)])).toThrow()
  })

  test('a stack may say "full" early only while another operation is under way', async () => {
    const check = await judge()
    const full = op(0, 'push', 1, 'full', 2, 5)
    expect(() => check('stack', 1, [], [full, op(1, 'length', undefined, 0, 3, 4)])).not.toThrow()
    expect(() => check('stack', 1, [], [full, op(1, 'length', undefined, 0, 6, 7)])).toThrow(/stack of capacity 1/)
  })
})

describe('histories of selects', () => {
  const at = (thread: number, at: number, op: string, arg: unknown, result: unknown, invoked: number, end: number) => ({
    ...{ thread, at, op, arg, result, invoked, responded: end, dead: false },
  })
  const out = (at: number, value: unknown) => ({ send: true, at, value })
  const into = (at: number) => ({ send: false, at, value: undefined })
  const select = (thread: number, cases: object[], result: unknown, invoked: number, responded: number) => ({
    ...{ thread, op: 'select', cases, result, invoked, responded, dead: false },
  })

  test('a rendezvous takes two that are there at the same time, and each value one of each', async () => {
    const check = await selectJudge()
    const send = at(0, 0, 'sendTimed', 5, 'ok', 0, 3)
    expect(() => check([0], [[]], [send, at(1, 0, 'receiveTimed', undefined, 5, 2, 4)])).not.toThrow()
    expect(() => check([0], [[]], [send, select(1, [into(0)], { hit: 0, value: 5 }, 2, 4)])).not.toThrow()
    expect(() => check([0], [[]], [send, at(1, 0, 'receiveTimed', undefined, 5, 4, 6)])).toThrow(/nobody was there/)
    expect(() => check([0], [[]], [send])).toThrow(/sent 1 times and received 0 times/)
    const twice = [1, 2].map((thread) => at(thread, 0, 'receiveTimed', undefined, 5, 1, 2))
    expect(() => check([0], [[]], [send, ...twice])).toThrow(/sent 1 times and received 2 times/)
    const itself = select(0, [into(0), out(0, 5)], { hit: 0, value: 5 }, 0, 1)
    expect(() => check([0], [[]], [itself])).toThrow(/sent 0 times and received 1 times/)
    const close = at(2, 0, 'close', undefined, 'ok', 0, 1)
    expect(() => check([0], [[]], [close, at(0, 0, 'sendTimed', 5, 'ok', 2, 4), twice[0]])).toThrow()
  })

  test('the order of two meetings is that in which both parties were free', async () => {
    const check = await selectJudge()
    // Thread 0 sends on c1 after its send on c0; thread 1 cannot have received in the other order.
    const sends = [at(0, 0, 'sendTimed', 1, 'ok', 0, 5), at(0, 1, 'sendTimed', 2, 'ok', 6, 9)]
    const crossed = [at(1, 1, 'receiveTimed', undefined, 2, 1, 3), at(1, 0, 'receiveTimed', undefined, 1, 4, 8)]
    expect(() => check([0, 0], [[], []], [...sends, ...crossed])).toThrow(/nobody was there/)
  })

  test('a select that finds nothing ready saw all of its cases at one moment', async () => {
    const check = await selectJudge()
    const moves = [at(0, 0, 'trySend', 1, 'ok', 0, 2), at(0, 1, 'tryReceive', undefined, 7, 3, 5)]
    const last = at(0, 0, 'tryReceive', undefined, 1, 6, 7)
    const none = (cases: object[]) => [...moves, last, select(1, cases, 'none', 1, 4)]
    const start = [[], [7]]
    // c0 is empty until 1 is there, and c1 from when 7 is taken on: never both.
    expect(() => check([1, 1], start, none([into(0)]))).not.toThrow()
    expect(() => check([1, 1], start, none([into(1)]))).not.toThrow()
    expect(() => check([1, 1], start, none([into(0), into(1)]))).toThrow(/no order of these.*←c0 ←c1\) +none/s)
    expect(() => check([1, 1], start, none([out(0, 9), out(1, 8)]))).not.toThrow()
    expect(() => check([1, 0], [[], []], [select(1, [into(0), out(1, 8)], 'none', 1, 4)])).not.toThrow()
    const closed = select(1, [into(0), out(0, 9)], 'closed', 1, 4)
    expect(() => check([1], [[]], [closed])).toThrow()
    expect(() => check([1], [[]], [closed, at(0, 0, 'close', undefined, 'ok', 2, 3)])).not.toThrow()
  })
})

describe('chaos', () => {
  test('threads die under load and are replaced: nothing doubled, nothing lost but what they held, nothing left', async () => {
    // Half of the scenarios; the stress program has all.
    const few = '^chaos/(u32-1|u32-8-batches|u32-256|f64-1-batches|f64-8|f64-256-batches)$'
    const report = await stress('--only', few, '--kills', '30')
    expect(report).not.toContain('WRONG')
    expect(report).toContain('30 kills in')
    expect(report).toMatch(/arena after: .*"bytesInUse":0,.*"threads":1}/)
  }, 60_000)

  test('threads die in selects and at rendezvous: the same', async () => {
    const few = '^chaos/(u32-0|f64-0-batches|select-u32|select-f64-rendezvous|select-f64-swaps)$'
    const report = await stress('--only', few, '--kills', '24')
    expect(report).not.toContain('WRONG')
    expect(report).toContain('24 kills in')
    expect(report).toMatch(/arena after: .*"bytesInUse":0,.*"threads":1}/)
  }, 60_000)

  test('the audit tells lost, doubled, forged and unfinished values apart', () => {
    const ledger = makeLedger(4096, 2)
    const book = writer(ledger, 0)
    const note = reader(ledger, 1)
    for (let i = 0; i < 3; i++) {
      expect(book.begin(2)).toBe(2)
      expect(book.first).toBe(2 * i)
      if (i < 2) book.end()
    }
    // 0 to 3 are sent, 4 and 5 on their way, nothing else exists.
    for (const value of [0, 2, 4]) note(value)
    expect(audit(ledger)).toEqual({ arrived: 3, doubled: 0, forged: 0, inFlight: 1, lost: 2 })
    expect(() => note(2)).toThrow('got 2 of producer 0 after 4')
    expect(() => note(5000)).toThrow('got 5000, which nobody has sent')
    expect(() => note(1024)).toThrow('got 1024, which nobody has sent')
    reader(ledger, 1)(2)
    note(9)
    expect(audit(ledger)).toEqual({ arrived: 4, doubled: 1, forged: 1, inFlight: 1, lost: 2 })
  })
})
