// TIME: what keeps a process alive, what is garbage, and where errors go: in processes of their own.

import { describe, expect, test } from 'vitest'
import { child } from './support/child.js'
import { retry } from './support/probe.js'

const head = 'const { after, afterFunc, sleepSync, tick, Ticker, Timer } = millrace\n'

/** Runs to its end by itself, with that output and nothing on stderr. Resolves with the time that it says it took at exit, in ms. */
async function expectOutput(text: string, out: string): Promise<number> {
  const result = await child(
    `${head} const begun = performance.now(); process.on('exit', () => console.log('#' + (performance.now() - begun))); ${text}`,
  )
  expect(result).toMatchObject({ code: 0, err: '' })
  const [printed, ms] = result.out.split('#') as [string, string]
  expect(printed).toBe(out)
  return Number(ms)
}

describe('the process stays alive', () => {
  test.each([
    ['for a sleep', 'millrace.sleep(200).then(() => console.log("over"))'],
    ['for who waits for a timer', 'new Timer(200).channel.receive().then(() => console.log("over"))'],
    ['for who waits for a ticker', '(async () => { for await (const _ of tick(200)) break; console.log("over") })()'],
    ['for a function that is to be called', 'afterFunc(200, () => console.log("over"))'],
    [
      'for a timer that was reset while somebody waits',
      'const t = new Timer(3_600_000); t.channel.receive().then(() => console.log("over")); t.reset(200)',
    ],
    ['for a timeout', 'after(3_600_000).receive({ timeout: 200 }).catch(() => console.log("over"))'],
  ])('%s', async (_what, text) => {
    expect(await expectOutput(text, 'over\n')).toBeGreaterThanOrEqual(200)
  })
})

describe('the process does not stay alive', () => {
  test('TIME-33 for timers and tickers that nobody waits for', async () => {
    await retry(async () => {
      const ms = await expectOutput(
        `globalThis.kept = Array.from({ length: 10_000 }, () => [after(3_600_000), new Timer(3_600_000), new Ticker(3_600_000), tick(1)])
         afterFunc(3_600_000, () => {}).stop()`,
        '',
      )
      expect(ms).toBeLessThan(3000)
    })
  })

  test.each([
    [
      'for what never comes',
      'after(Infinity).receive(); millrace.sleep(Infinity); afterFunc(Infinity, () => {}); tick(Infinity).next(); tick(0).next()',
    ],
    [
      'for a timer that was stopped',
      'const t = new Timer(3_600_000); t.channel.receive(); t.stop(); const f = afterFunc(3_600_000, () => {}); f.stop()',
    ],
    ['for one that was reset to never', 'const t = new Timer(3_600_000); t.channel.receive(); t.reset(Infinity)'],
    ['for who has given up', 'after(3_600_000).receive({ timeout: 5 }).catch(() => {})'],
    [
      'for what was aborted',
      'const { signal } = Object.assign(globalThis, { stop: new AbortController() }).stop; millrace.sleep(3_600_000, { signal }).catch(() => {}); after(3_600_000).receive({ signal }).catch(() => {}); stop.abort()',
    ],
    [
      'for a timer whose value came',
      'await after(5).receive(); const t = tick(5); await t.receive(); await t.receive()',
    ],
  ])('%s', async (_what, text) => {
    await retry(async () => expect(await expectOutput(text, '')).toBeLessThan(3000))
  })
})

describe('memory', () => {
  test('TIME-33 timers, tickers and their channels are garbage once nobody refers to them', async () => {
    await expectOutput(
      `const { runInNewContext } = await import('node:vm')
       const { setFlagsFromString } = await import('node:v8')
       setFlagsFromString('--expose-gc')
       const gc = runInNewContext('gc')
       const round = async () => {
         for (let i = 0; i < 10_000; i++) {
           after(3_600_000).tryReceive()
           new Timer(3_600_000).reset(7_200_000)
           tick(3_600_000).tryNext()
           new Ticker(3_600_000).reset(5)
         }
         await Promise.all(Array.from({ length: 1000 }, () => after(3_600_000).receive({ timeout: 1 }).catch(() => {})))
         await sleep(5)
         gc()
         return process.memoryUsage().heapUsed
       }
       await round()
       const before = await round()
       for (let i = 0; i < 5; i++) await round()
       const grown = (await round()) - before
       console.log(grown < 300_000 ? 'flat' : grown)`,
      'flat\n',
    )
  })
})

describe('afterFunc', () => {
  test('TIME-15 what a function throws is an uncaught error, and disturbs no other', async () => {
    await expectOutput(
      `process.on('uncaughtException', (error) => console.log('uncaught', error.message))
       for (let i = 0; i < 4; i++) afterFunc(5, () => { if (i % 2) throw new Error(i); console.log('called', i) })
       await millrace.sleep(50)`,
      'called 0\nuncaught 1\ncalled 2\nuncaught 3\n',
    )
  })

  test('and ends a process that does not care, as with setTimeout', async () => {
    const result = await child(`${head} afterFunc(5, () => { throw new Error('on purpose') }); millrace.sleep(60_000)`)
    expect(result.code).toBe(1)
    expect(result.err).toContain('on purpose')
  })
})

describe('threads that block', () => {
  test('a worker without event loop sleeps, receives and ticks; the other threads go on', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 8 })
       const w = worker(\`
         const { after, sleepSync, Ticker } = millrace
         const ch = open(workerData)
         sleepSync(20)
         ch.sendSync(after(20).receiveSync() > 40 ? 1 : 0)
         let ticks = 0
         for (const _ of new Ticker(5).channel.sync()) if (++ticks === 4) break
         ch.sendSync(ticks)
       \`, ch.handle)
       console.log(await ch.receive(), await ch.receive())`,
      '1 4\n',
    )
  })

  test('a blocked thread uses no processor time', async () => {
    await retry(async () => {
      const result = await child(
        `${head} sleepSync(10)
         const [start, before] = [performance.now(), process.cpuUsage()]
         sleepSync(500)
         after(500).receiveSync()
         try { after(Infinity).receiveSync({ timeout: 500 }) } catch {}
         const { user, system } = process.cpuUsage(before)
         console.log((user + system) / 1000 / (performance.now() - start))`,
      )
      expect(result).toMatchObject({ code: 0, err: '' })
      expect(Number(result.out)).toBeLessThan(0.1)
    })
  })
})
