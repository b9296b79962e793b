// CTX: what keeps a process alive, and what does not: in processes of their own.

import { describe, expect, test } from 'vitest'
import { child } from './support/child.js'

const head =
  'const { background, fromSignal, never, recv, select, withCancel, withTimeout, withValue } = millrace; const begun = performance.now()\n'

/** Runs to its end by itself, with that output and nothing on stderr. Resolves with its time in ms. */
async function expectOutput(text: string, out: string): Promise<number> {
  const result = await child(
    `${head} process.on('exit', () => console.log('#' + (performance.now() - begun))); ${text}`,
  )
  expect(result).toMatchObject({ code: expect.anything(), err: '' })
  const [printed, ms] = result.out.split('#') as [string, string]
  expect(printed).toBe(out)
  return Number(ms)
}

describe('the process stays alive', () => {
  test.each([
    ['for who awaits done', 'withTimeout(background(), 200).ctx.done.receive().then(() => console.log("over"))'],
    [
      'for who awaits done of what was made of it',
      'withCancel(withValue(withTimeout(background(), 200).ctx, "k", 1)).ctx.done.next().then(() => console.log("over"))',
    ],
    [
      'for a select with done',
      'select({ done: recv(withTimeout(background(), 200).ctx.done), never: recv(never) }).then((hit) => console.log("over"))',
    ],
    [
      'for who waits with its signal',
      'never.receive({ signal: withTimeout(background(), 200).ctx.signal }).catch(() => console.log("over"))',
    ],
  ])('%s', async (_what, text) => {
    expect(await expectOutput(text, 'over\n')).toBeGreaterThanOrEqual(198)
  })

  test('for who awaits done of a context that another thread can cancel', async () => {
    await expectOutput(
      `const made = withCancel(background())
       const other = worker('const made = open(workerData); setTimeout(() => made.cancel(), 200)', made.handle)
       made.ctx.done.receive().then(() => console.log('over'))`,
      'over\n',
    )
  })

  test('a worker, for who awaits done there', async () => {
    await expectOutput(
      `const { ctx, cancel } = withCancel(background())
       const other = worker("open(workerData).done.receive().then(() => console.log('over there'))", ctx.handle)
       setTimeout(cancel, 300)`,
      'over there\n',
    )
  })
})

describe('the process does not stay alive', () => {
  test.each([
    ['for deadlines', 'globalThis.kept = Array.from({ length: 1000 }, () => withTimeout(background(), 3_600_000))'],
    [
      'for a signal, or a function that would be called',
      'const { ctx } = withTimeout(background(), 3_600_000); globalThis.kept = ctx.signal; ctx.afterFunc(() => {})',
    ],
    ['for what nobody can end', 'withCancel(background()).ctx.done.receive(); background().done.receive()'],
    ['for who has given up', 'withTimeout(background(), 3_600_000).ctx.done.receive({ timeout: 5 }).catch(() => {})'],
    [
      'for a wait with its signal that is over',
      'const { ctx } = withTimeout(background(), 3_600_000); never.receive({ signal: ctx.signal, timeout: 5 }).catch(() => {})',
    ],
    [
      'for what was cancelled',
      'const { ctx, cancel } = withTimeout(background(), 3_600_000); ctx.done.receive(); cancel()',
    ],
    ['for a handle', 'globalThis.kept = withTimeout(background(), 3_600_000); globalThis.handle = kept.handle'],
    ['for a signal as parent', 'fromSignal(new AbortController().signal).done.receive()'],
  ])('%s', async (_what, text) => {
    expect(await expectOutput(text, '')).toBeLessThan(3000)
  })

  test('nor does a worker, for a context that it has open', async () => {
    await expectOutput(
      `const { ctx } = withTimeout(background(), 3_600_000)
       const other = worker("globalThis.ctx = open(workerData); ctx.signal; ctx.afterFunc(() => {})", ctx.handle)
       other.on('exit', (code) => console.log('exit', code))`,
      'exit 0\n',
    )
  })
})
