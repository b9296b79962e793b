// Scenarios of selects: several channels of several capacities, and threads that send and receive by whichever is ready.

import { channel, f64, u32 } from 'millrace'
import { checkHistogram } from './scenarios.mjs'
import { results, thread, unlessStalled } from './threads.mjs'

/**
 * Threads in the roles given: `send` count their messages, `swap` send and receive, `receive` go on until all channels are closed. A role that is
 * not of selects works on one channel of its own.
 */
function selects(name, share, { codec, styles, send = [], swap = 0, receive }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const plain = receive.filter((role) => !role.startsWith('select')).length
      const width = plain > 0 ? plain : 2 + rng.below(3)
      const channels = Array.from({ length: width }, () => channel(codec, { capacity: rng.pick([0, 0, 1, 16]), arena }))
      const producers = send.length + swap
      const each = Math.ceil(count / producers)
      const total = each * producers
      const marks = new SharedArrayBuffer(total)
      const handles = channels.map((ch) => ch.handle)
      const start = (role, i, more) =>
        thread(role, {
          ...{ handles, handle: handles[i % width], producers, marks, seed: rng.below(2 ** 31) },
          ...{ style: rng.pick(styles), ...more },
        })
      const receiving = receive.map((role, i) => start(role, i, {}))
      const sending = send.map((role, producer) => start(role, producer, { producer, count: each }))
      const swapping = Array.from({ length: swap }, (_, i) =>
        start('selectSwap', i, { producer: send.length + i, count: each }),
      )
      const watched = (promise) => unlessStalled(promise, marks, total)
      const sent = results([...sending, ...swapping])
      // If a receiver fails, the senders may wait for ever.
      await watched(Promise.race([sent, results(receiving).then(() => sent)]))
      for (const ch of channels) ch.close()
      const taken = await watched(results([...receiving, ...swapping]))
      const received = taken.reduce((sum, n) => sum + n, 0)
      if (received !== total) throw new Error(`${total} values were sent and ${received} received`)
      checkHistogram(marks, total)
      for (const ch of channels) {
        if (ch.length !== 0) throw new Error(`${ch.length} values are left`)
        ch.dispose()
      }
      const capacities = channels.map((ch) => ch.capacity).join(', ')
      const shape = `${producers} → ${receive.length + swap}`
      return { settings: `${codec.name}, capacities ${capacities}, ${shape}`, moved: total }
    },
  }
}

const twice = (role) => [role, role]
const both = { send: twice('selectSend'), receive: twice('selectReceive') }

export const selectScenarios = [
  selects('select-blocking', 0.05, { codec: u32, styles: ['blocking'], ...both }),
  selects('select-async', 0.05, { codec: f64, styles: ['async'], ...both }),
  selects('select-mixed', 0.05, { codec: u32, styles: ['blocking', 'async', 'mixed'], ...both }),
  selects('select-swap', 0.05, { codec: f64, styles: ['blocking', 'mixed'], swap: 3, receive: ['selectReceive'] }),
  selects('select-swap-async', 0.05, { codec: u32, styles: ['async'], swap: 2, receive: ['selectReceive'] }),
  selects('select-tasks', 0.05, {
    ...{ codec: u32, styles: ['async', 'mixed'] },
    ...{ send: twice('selectSend'), receive: twice('selectReceiveTasks') },
  }),
  selects('select-to-receive', 0.05, {
    ...{ codec: f64, styles: ['blocking', 'mixed'] },
    ...{ send: twice('selectSend'), receive: ['receive', 'receiveAsync', 'receiveImpatiently'] },
  }),
  selects('send-to-select', 0.05, {
    ...{ codec: u32, styles: ['blocking', 'mixed'] },
    ...{ send: ['send', 'sendAsync', 'sendImpatiently'], receive: twice('selectReceive') },
  }),
]
