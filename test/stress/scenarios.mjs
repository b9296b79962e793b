import { channel, f64, Stack, u32 } from 'millrace'
import { results, thread, unlessStalled } from './threads.mjs'

/** Throws unless each of the first `count` values was marked exactly once. */
export function checkHistogram(marks, count) {
  const seen = new Uint8Array(marks)
  let lost = 0
  let doubled = 0
  for (let i = 0; i < count; i++) {
    if (seen[i] === 0) lost++
    else if (seen[i] !== 1) doubled++
  }
  if (lost > 0 || doubled > 0)
    throw new Error(`of ${count} values ${lost} were lost and ${doubled} came more than once`)
}

/** A scenario with one channel: so many threads in that role send, so many in this role receive, then the channel is closed. */
function through(name, share, { codec, capacities, senders, receivers, send, receive, batches = [1] }) {
  return {
    name,
    share,
    async run({ arena, count, rng }) {
      const capacity = rng.pick(capacities)
      const batch = rng.pick(batches)
      const each = Math.ceil(count / senders)
      const total = each * senders
      const ch = channel(codec, { capacity, arena })
      const marks = new SharedArrayBuffer(receive === 'receiveSequence' ? 0 : total)
      const common = { handle: ch.handle, producers: senders, marks, batch }
      const receiving = Array.from({ length: receivers }, () =>
        thread(receive, { ...common, seed: rng.below(2 ** 31) }),
      )
      const sending = Array.from({ length: senders }, (_, producer) =>
        thread(send, { ...common, producer, count: each, seed: rng.below(2 ** 31) }),
      )
      const sent = results(sending)
      const done = Promise.race([sent, results(receiving).then(() => sent)])
      // If a receiver fails, the senders may wait for ever.
      await (marks.byteLength > 0 ? unlessStalled(done, marks, total) : done)
      ch.close()
      const received = (await results(receiving)).reduce((sum, n) => sum + n, 0)
      if (received !== total) throw new Error(`${total} values were sent and ${received} received`)
      if (ch.length !== 0) throw new Error(`${ch.length} values are left`)
      if (marks.byteLength > 0) checkHistogram(marks, total)
      ch.dispose()
      const shape = `${codec.name}, capacity ${capacity}, ${senders} → ${receivers}`
      return { settings: batches.length > 1 ? `${shape}, batches up to ${batch}` : shape, moved: total }
    },
  }
}

/** With a few places, threads sleep and wake for nearly every message: thousands of times slower, so such scenarios get few messages. */
const TIGHT = [1, 2, 3, 7]
const ROOMY = [64, 100, 1000, 1024, 4096]
const single = { senders: 1, receivers: 1 }
const several = { senders: 2, receivers: 2 }

/** Threads push and pop at random on one small stack. */
const stack = {
  name: 'stack',
  share: 8,
  async run({ arena, count, rng }) {
    const capacity = rng.pick([1, 4, 100, 10_000])
    const threads = 4
    const each = Math.ceil(count / threads)
    const s = new Stack(u32, { capacity, arena })
    const marks = new SharedArrayBuffer(each * threads)
    // Room for all to end: the last pushes find no popper otherwise.
    const popper = setInterval(() => {
      for (const value of s.drain()) Atomics.add(new Uint8Array(marks), value, 1)
    }, 1)
    try {
      await results(
        Array.from({ length: threads }, (_, producer) =>
          thread('pushPop', {
            handle: s.handle,
            count: each,
            producer,
            producers: threads,
            marks,
            seed: rng.below(2 ** 31),
          }),
        ),
      )
    } finally {
      clearInterval(popper)
    }
    for (const value of s.drain()) Atomics.add(new Uint8Array(marks), value, 1)
    checkHistogram(marks, each * threads)
    for (let i = 0; i < capacity; i++) if (!s.push(i)) throw new Error(`a place was lost: ${i} of ${capacity} are left`)
    s.dispose()
    return { settings: `u32, capacity ${capacity}, ${threads} threads`, moved: each * threads }
  },
}

/** Threads of a batch job are terminated at random; what they leave must not stop the others, and at most one value goes with each. */
const kills = {
  name: 'kills',
  share: 1,
  async run({ arena, count, rng }) {
    const codec = rng.pick([u32, f64])
    const capacity = rng.pick(ROOMY)
    const ch = channel(codec, { capacity, arena })
    const dead = Math.min(40, Math.ceil(count / 20_000))
    const producers = dead + 1
    const each = Math.ceil(count / producers)
    const marks = new SharedArrayBuffer(each * producers)
    const common = { handle: ch.handle, producers, marks }
    const receiving = thread('receive', common)
    const sending = thread('send', { ...common, producer: 0, count: each })
    for (let producer = 1; producer <= dead; producer++) {
      const victim = thread(rng.pick(['send', 'sendAsync']), { ...common, producer, count: each })
      const taker = thread(rng.pick(['receive', 'receiveAsync']), common)
      // Somewhere between their start and the middle of their work.
      await new Promise((resolve) => setTimeout(resolve, 20 + rng.below(60)))
      await Promise.all([victim.terminate(), taker.terminate()])
    }
    await sending.ended
    ch.close()
    await receiving.ended
    const seen = new Uint8Array(marks)
    let moved = 0
    let lost = 0
    for (let producer = 0; producer < producers; producer++) {
      // What a producer has sent is a prefix of its values; takers that died have taken at most one each out of it.
      let last = each - 1
      while (last >= 0 && seen[last * producers + producer] === 0) last--
      for (let i = 0; i <= last; i++) {
        const n = seen[i * producers + producer]
        if (n > 1) throw new Error(`value ${i} of producer ${producer} came ${n} times`)
        if (n === 0) lost++
      }
      moved += last + 1
    }
    if (lost > dead) throw new Error(`${lost} values were lost with ${dead} receivers`)
    ch.dispose()
    return {
      settings: `${codec.name}, capacity ${capacity}, ${2 * dead} kills, ${lost} values lost with them`,
      moved,
      lost,
    }
  },
}

const meet = { codec: u32, capacities: [0] }
const meetF64 = { ...meet, codec: f64 }

/** Without capacity each message is a meeting of two threads. */
const meetings = [
  through('meet-spsc-u32', 0.05, { ...meet, ...single, send: 'send', receive: 'receiveSequence' }),
  through('meet-spsc-f64', 0.05, { ...meetF64, ...single, send: 'send', receive: 'receiveSequence' }),
  through('meet-mpmc-u32', 0.05, { ...meet, senders: 4, receivers: 4, send: 'send', receive: 'receive' }),
  through('meet-mpmc-f64', 0.05, { ...meetF64, senders: 3, receivers: 2, send: 'send', receive: 'receive' }),
  through('meet-async', 0.05, { ...meet, ...several, send: 'sendAsync', receive: 'receiveAsync' }),
  through('meet-async-to-blocking', 0.05, { ...meetF64, ...several, send: 'sendAsync', receive: 'receive' }),
  through('meet-blocking-to-async', 0.05, { ...meet, ...several, send: 'send', receive: 'receiveAsync' }),
  through('meet-timeouts', 0.02, { ...meetF64, ...several, send: 'sendImpatiently', receive: 'receiveImpatiently' }),
  through('meet-batch', 0.05, {
    ...{ ...meetF64, ...several, batches: [2, 64], send: 'sendBatches', receive: 'receiveBatches' },
  }),
  through('meet-batch-async', 0.05, {
    ...{ ...meet, ...several, batches: [2, 64], send: 'sendBatchesAsync', receive: 'receiveBatches' },
  }),
]

/** Shares are per cent of the messages of a pass, more or less. */
export const scenarios = [
  through('spsc-f64', 14, { codec: f64, capacities: ROOMY, ...single, send: 'send', receive: 'receiveSequence' }),
  through('spsc-u32', 14, { codec: u32, capacities: ROOMY, ...single, send: 'send', receive: 'receiveSequence' }),
  through('spsc-tight-f64', 0.05, {
    codec: f64,
    capacities: TIGHT,
    ...single,
    send: 'send',
    receive: 'receiveSequence',
  }),
  through('spsc-tight-u32', 0.05, {
    codec: u32,
    capacities: TIGHT,
    ...single,
    send: 'send',
    receive: 'receiveSequence',
  }),
  through('mpsc-u32', 4, { codec: u32, capacities: ROOMY, senders: 4, receivers: 1, send: 'send', receive: 'receive' }),
  through('spmc-f64', 4, { codec: f64, capacities: ROOMY, senders: 1, receivers: 4, send: 'send', receive: 'receive' }),
  through('mpmc-f64', 5, { codec: f64, capacities: ROOMY, senders: 4, receivers: 4, send: 'send', receive: 'receive' }),
  through('mpmc-u32', 5, { codec: u32, capacities: ROOMY, senders: 4, receivers: 4, send: 'send', receive: 'receive' }),
  through('mpmc-tight-f64', 0.1, {
    codec: f64,
    capacities: TIGHT,
    senders: 4,
    receivers: 4,
    send: 'send',
    receive: 'receive',
  }),
  through('mpmc-tight-u32', 0.1, {
    codec: u32,
    capacities: TIGHT,
    senders: 4,
    receivers: 4,
    send: 'send',
    receive: 'receive',
  }),
  through('batch-f64', 25, {
    ...{ codec: f64, capacities: ROOMY, ...several, batches: [16, 64, 300] },
    ...{ send: 'sendBatches', receive: 'receiveBatches' },
  }),
  through('batch-u32', 12, {
    ...{ codec: u32, capacities: ROOMY, ...several, batches: [16, 64, 300] },
    ...{ send: 'sendBatches', receive: 'receiveBatches' },
  }),
  through('batch-tight', 0.1, {
    ...{ codec: f64, capacities: TIGHT, senders: 3, receivers: 3, batches: [2, 64] },
    ...{ send: 'sendBatches', receive: 'receiveBatches' },
  }),
  through('batch-odd', 3, {
    ...{ codec: f64, capacities: [127, 129, 255], senders: 3, receivers: 3, batches: [64, 300] },
    ...{ send: 'sendBatches', receive: 'receiveBatches' },
  }),
  through('batch-async', 3, {
    ...{ codec: f64, capacities: ROOMY, ...several, batches: [64, 300] },
    ...{ send: 'sendBatchesAsync', receive: 'receiveBatchesAsync' },
  }),
  through('batch-to-single', 2, {
    ...{ codec: u32, capacities: ROOMY, ...several, batches: [16, 300] },
    ...{ send: 'sendBatches', receive: 'receive' },
  }),
  through('async', 2, { codec: f64, capacities: ROOMY, ...several, send: 'sendAsync', receive: 'receiveAsync' }),
  through('async-tight', 0.05, {
    codec: u32,
    capacities: TIGHT,
    ...several,
    send: 'sendAsync',
    receive: 'receiveAsync',
  }),
  through('async-to-blocking', 1, { codec: u32, capacities: ROOMY, ...several, send: 'sendAsync', receive: 'receive' }),
  through('blocking-to-async', 1, { codec: f64, capacities: ROOMY, ...several, send: 'send', receive: 'receiveAsync' }),
  through('timeouts', 0.02, {
    ...{ codec: u32, capacities: TIGHT, ...several },
    ...{ send: 'sendImpatiently', receive: 'receiveImpatiently' },
  }),
  ...meetings,
  stack,
  kills,
]
