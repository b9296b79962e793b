// What keeps a process alive, what does not, and what it costs to wait: in processes of their own.

import { describe, expect, test } from 'vitest'
import { child } from './support/child.js'
import { retry } from './support/probe.js'

/** Runs to its end by itself, with that output and nothing on stderr. */
async function expectOutput(text: string, out: string): Promise<number> {
  const result = await child(text)
  expect(result).toMatchObject({ code: 0, out, err: '' })
  return result.ms
}

describe('a pending operation keeps the process alive while another thread could complete it', () => {
  test('alone in the process, nobody could: it exits', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       ch.receive().then(() => console.log('received'))
       ch.next().then(() => console.log('received'))
       ch.receiveMany(new Float64Array(1)).then(() => console.log('received'))
       process.on('exit', () => console.log('exit'))`,
      'exit\n',
    )
  })

  test('alone with a full channel, nobody could: it exits', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       ch.send(1)
       ch.send(2).then(() => console.log('sent'))
       ch.sendMany([1, 2]).then(() => console.log('sent'))`,
      '',
    )
  })

  for (const [what, start] of [
    ['receive', `ch.receive().then((v) => console.log('received', v))`],
    ['next', `ch.next().then(({ value }) => console.log('received', value))`],
    ['for await', `(async () => { for await (const v of ch) { console.log('received', v); break } })()`],
    ['receive with a long timeout', `ch.receive({ timeout: 2 ** 31 }).then((v) => console.log('received', v))`],
  ]) {
    test(`${what}: it stays until a worker that nothing else waits for has sent, and then exits`, async () => {
      await expectOutput(
        `const ch = channel(f64, { capacity: 1 })
         const w = worker('const ch = open(workerData); parentPort.postMessage(1); await sleep(300); ch.sendSync(7); ch.receiveSync(); ch.receiveSync()', ch.handle)
         w.on('message', () => w.unref());
         ${start}`,
        'received 7\n',
      )
    })
  }

  test('a waiting send: the same', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       ch.trySend(1)
       const w = worker('const ch = open(workerData); parentPort.postMessage(1); await sleep(300); ch.receiveSync(); for (;;) ch.receiveSync()', ch.handle)
       w.on('message', () => { w.unref(); ch.send(2).then(() => console.log('sent')) })`,
      'sent\n',
    )
  })

  test('once the last worker has ended, nobody could: it exits', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       const w = worker('open(workerData); await sleep(300)', ch.handle)
       w.on('exit', () => console.log('worker ended'))
       ch.receive().then(() => console.log('received'))`,
      'worker ended\n',
    )
  })

  test('once the last worker was terminated, or has failed, nobody could: it exits', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       const blocked = worker('open(workerData).receiveSync()', ch.handle)
       const failing = worker('open(workerData); await sleep(50); throw new Error("on purpose")', ch.handle)
       failing.on('error', (error) => console.log(error.message))
       failing.on('exit', () => blocked.terminate())
       ch.receive().then(() => console.log('received'))`,
      'on purpose\n',
    )
  })

  test('an aborted operation holds nothing', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       const w = worker('parentPort.postMessage(1); open(workerData).receiveSync()', ch.handle)
       const stop = new AbortController()
       w.on('message', async () => {
         w.unref()
         const waiting = ch.receive({ signal: stop.signal }).catch((reason) => console.log(reason))
         await sleep(50)
         stop.abort('stopped')
         await waiting
       })`,
      'stopped\n',
    )
  })

  test('a timeout is kept though nobody else is there', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       ch.receive({ timeout: 100 }).catch((error) => console.log(error.code))`,
      'ERR_TIMEOUT\n',
    )
  })

  test('a worker with a pending operation stays while the main thread is there, and ends after it', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       const w = worker('open(workerData).receive().then((v) => parentPort.postMessage(v))', ch.handle)
       w.on('message', (v) => console.log('worker received', v))
       w.on('exit', (code) => console.log('worker ended', code))
       await sleep(300)
       ch.trySend(3)`,
      'worker received 3\nworker ended 0\n',
    )
  })

  test('operations that need not wait, and closed ones, hold nothing', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 4 })
       const w = worker('parentPort.postMessage(1); open(workerData); setInterval(() => {}, 1000)', ch.handle)
       w.on('message', async () => {
         w.unref()
         await ch.send(1)
         console.log(await ch.receive())
         const end = ch.next()
         ch.close()
         console.log((await end).done)
       })`,
      '1\ntrue\n',
    )
  })
})

describe('what else a process must not notice', () => {
  test('importing does nothing that keeps it alive or prints', async () => {
    await expectOutput('', '')
    await expectOutput('millrace.defaultArena(); new millrace.Arena({ size: 2 ** 20 })', '')
  })

  test('rejections belong to the caller, and each comes once', async () => {
    const result = await child(
      `process.on('unhandledRejection', (error) => console.log('unhandled', error.code))
       const [ch, full] = [channel(f64, { capacity: 1 }), channel(f64, { capacity: 1 })]
       full.trySend(1)
       const stop = new AbortController()
       const codes = []
       const note = (error) => codes.push(error.code ?? error)
       const all = [ch.receive({ timeout: 5 }), ch.next({ timeout: 5 }), ch.receiveMany(new Float64Array(2), { timeout: 5 }),
         full.send(1, { timeout: 5 }), full.sendMany([1, 2], { timeout: 5 }), ch.receive({ signal: stop.signal }), full.send('x'), full.sendMany(5)]
       for (const each of all) each.catch(note)
       stop.abort('aborted')
       await Promise.allSettled(all)
       await sleep(20)
       ch.close(); full.close()
       await full.sendMany([1]).catch(note)
       await full.send(1).catch(note)
       full.send(2)
       await sleep(20)
       console.log(codes.sort().join(' '))`,
    )
    expect(result).toMatchObject({
      code: 0,
      out: 'unhandled ERR_CLOSED\nERR_CLOSED ERR_CLOSED ERR_INVALID_ARG_TYPE ERR_INVALID_ARG_TYPE ERR_TIMEOUT ERR_TIMEOUT ERR_TIMEOUT ERR_TIMEOUT ERR_TIMEOUT aborted\n',
      err: '',
    })
  })

  test('many operations on one signal print no warning', async () => {
    await expectOutput(
      `const ch = channel(f64, { capacity: 1 })
       const stop = new AbortController()
       const all = Array.from({ length: 100 }, () => ch.receive({ signal: stop.signal }))
       stop.abort('stopped')
       console.log((await Promise.allSettled(all)).filter((each) => each.reason === 'stopped').length)`,
      '100\n',
    )
  })

  test('a signal ends a process whose main thread is blocked', async () => {
    const result = await child(
      `const ch = channel(f64, { capacity: 1 })
       console.log('blocked')
       ch.receiveSync()`,
      { onOut: (_out, kill) => setTimeout(() => kill('SIGTERM'), 100) },
    )
    expect(result).toMatchObject({ code: 'SIGTERM', out: 'blocked\n' })
  })

  test('parked threads use less than 1 % of a processor over 5 s', async () => {
    await retry(async () => {
      const result = await child(
        `const [a, b] = [channel(f64, { capacity: 1 }), channel(u32, { capacity: 1 })]
         b.trySend(1)
         const workers = [
           worker('open(workerData).receiveSync()', a.handle),
           worker('open(workerData).sendSync(1)', b.handle),
           worker('await open(workerData).receive()', a.handle),
           worker('open(workerData).receiveManySync(new Float64Array(10), { timeout: 60_000 })', a.handle),
         ]
         a.receive()
         b.send(3)
         b.send(4, { timeout: 60_000 }).catch(() => {})
         await sleep(1500)
         const before = process.cpuUsage()
         const start = performance.now()
         await sleep(5000)
         const { user, system } = process.cpuUsage(before)
         console.log((user + system) / 1000 / (performance.now() - start))
         process.exit()`,
      )
      expect(result).toMatchObject({ code: 0, err: '' })
      expect(Number(result.out)).toBeLessThan(0.01)
    }, 2)
  })
})
