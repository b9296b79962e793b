// What a select that waits does to the life of its process (NEVER-8): as a receive that waits, no more and no less.

import { describe, expect, test } from 'vitest'
import { child } from './support/child.js'

async function expectOutput(text: string, out: string): Promise<void> {
  expect(await child(`const { recv, send, select, never, Selector } = millrace\n${text}`)).toMatchObject({
    ...{ code: 0, out, err: '' },
  })
}

describe('a select that waits', () => {
  test.each([
    ['on never', 'select({ a: recv(never), b: send(never, 1) })'],
    ['on nothing', 'select({})'],
    ['on channels that nobody else has', 'select({ a: recv(channel(f64)), b: send(channel(f64), 1) })'],
    ['in a Selector', 'new Selector({ a: recv(channel(f64)) }).select()'],
    ['at a rendezvous', 'Promise.race([channel(f64).send(1), channel(f64).receive(), never.receive(), never.send(1)])'],
  ])('NEVER-8 %s, with no other thread: the process exits', async (_what, call) => {
    await expectOutput(
      `${call}.then(() => console.log('done')); process.on('exit', () => console.log('exit'))`,
      'exit\n',
    )
  })

  test('it stays until a worker that nothing else waits for has sent, and then exits', async () => {
    await expectOutput(
      `const [a, b] = [channel(f64), channel(f64)]
       const w = worker('const [a, b] = workerData.map(open); parentPort.postMessage(1); await sleep(300); b.sendSync(7); a.receiveSync()', [a.handle, b.handle])
       w.on('message', () => w.unref());
       select({ a: recv(a), b: recv(b) }).then((hit) => console.log(hit.case, hit.value))`,
      'b 7\n',
    )
  })

  test('one that only never could end does not keep it, whoever else is there', async () => {
    await expectOutput(
      `const ch = channel(f64)
       const w = worker('open(workerData).receiveSync()', ch.handle)
       w.unref()
       select({ a: recv(never), b: null }).then(() => console.log('done'))
       never.receive().then(() => console.log('done'))
       process.on('exit', () => console.log('exit'))`,
      'exit\n',
    )
  })

  test('a timeout fires in a process that has nothing else to do', async () => {
    await expectOutput(
      `select({ a: recv(channel(f64)), b: recv(never) }, { timeout: 50 }).catch((error) => console.log(error.code))
       never.receive({ timeout: 20 }).catch((error) => console.log(error.code))`,
      'ERR_TIMEOUT\nERR_TIMEOUT\n',
    )
  })
})
