// The lanes of a soak: a codec, how many threads send and receive, and in which form. A lane's channel is replaced by a new one every round.
//
// `send` gives a function that sends message `seq` (or some, from it on) and returns how many; `receive` one that waits `patience` ms at most and
// says whose messages came and which: a list of `{ producer, seq }`, undefined at the end. It throws if a message is not what it must be. With
// one producer, messages come in order, so the receiver knows which one to expect; else the message says it.

import * as millrace from 'millrace'

const { any, array, bytes, enumOf, f64, fixedString, optional, string, struct, tuple, u8, u32 } = millrace

const CAPACITIES = [1, 2, 7, 64, 1024]
const BATCH = 50

function wrong(lane, producer, seq, value) {
  const shown = value instanceof Uint8Array ? `${value.length} bytes` : JSON.stringify(value)?.slice(0, 100)
  throw new Error(`${lane}: message ${seq} of producer ${producer} arrived as ${shown}`)
}

/** One producer, one consumer, one message a call; `same` compares with what must come. */
function plain(lane, value, same) {
  return {
    send: (ch, contents, producer) => (seq) => {
      ch.sendSync(value(contents, producer, seq))
      return 1
    },
    receive: (ch, contents) => {
      let next = 0
      return (patience) => {
        const got = ch.nextSync({ timeout: patience })
        if (got.done) return undefined
        if (!same(contents, got.value, 0, next)) wrong(lane, 0, next, got.value)
        return [{ producer: 0, seq: next++ }]
      }
    },
  }
}

/** Written and read where it lies. Some reservations are given back, some are longer than what is sent. */
function inPlace(lane) {
  return {
    send: (ch, contents, producer) => (seq) => {
      const message = contents.bytes(producer, seq)
      if (seq % 11 === 3) ch.reserveSync(message.length + 1).abort()
      const slot = ch.reserveSync(seq % 7 === 0 ? message.length + 100 : message.length)
      slot.bytes.set(message)
      slot.commitSync(message.length)
      return 1
    },
    receive: (ch, contents) => {
      let next = 0
      return (patience) => {
        const view = ch.receiveViewSync({ timeout: patience })
        if (view === undefined) return undefined
        const good = contents.sameBytes(view.bytes, 0, next)
        const { length } = view.bytes
        view.release()
        if (!good) wrong(lane, 0, next, `a view of ${length} bytes`)
        return [{ producer: 0, seq: next++ }]
      }
    },
  }
}

/** Several messages a call, from and to several threads. */
const batches = {
  send: (ch, contents, producer) => (seq) => {
    const count = 1 + (seq % BATCH)
    return ch.sendManySync(Array.from({ length: count }, (_, i) => contents.order(producer, seq + i)))
  },
  receive: (ch, contents) => (patience) => {
    const got = ch.receiveManySync(BATCH, { timeout: patience })
    if (got.length === 0) return undefined
    return got.map((order) => {
      const { side: producer, id: seq } = order
      if (!contents.same(order, contents.order(producer, seq))) wrong('orders', producer, seq, order)
      return { producer, seq }
    })
  },
}

/** By promises, with deadlines that are often missed, from and to several threads. The first eight bytes say whose and which. */
const parcels = {
  send: (ch, contents, producer, stopped) => {
    const head = new Uint32Array([producer, 0])
    return async (seq) => {
      head[1] = seq
      const body = contents.bytes(producer, seq)
      const parcel = new Uint8Array(8 + body.length)
      parcel.set(new Uint8Array(head.buffer))
      parcel.set(body, 8)
      for (let timeout = seq % 3; ; timeout += 5) {
        try {
          await ch.send(parcel, { timeout })
          return 1
        } catch (error) {
          if (!(error instanceof millrace.TimeoutError)) throw error
          if (stopped()) return 0
        }
      }
    }
  },
  receive: (ch, contents) => async (patience) => {
    const got = await ch.next({ timeout: patience })
    if (got.done) return undefined
    const [producer, seq] = new Uint32Array(got.value.slice(0, 8).buffer)
    if (!contents.sameBytes(got.value.subarray(8), producer, seq)) wrong('parcels', producer, seq, got.value)
    return [{ producer, seq }]
  },
}

const COLOURS = ['red', 'green', 'blue']

function tupleOf(contents, producer, seq) {
  const text = seq % 5 === 0 ? undefined : contents.text(producer, seq).slice(0, 1024)
  return [seq, text, COLOURS[seq % 3], [seq, -0, 1 / seq], contents.bytes(producer, seq).slice()]
}

const sameBytes = (contents, value, producer, seq) => contents.sameBytes(value, producer, seq)

export const lanes = {
  numbers: {
    codec: () => f64,
    threads: [1, 1],
    ...plain(
      'numbers',
      (_, __, seq) => seq + 0.5,
      (_, value, __, seq) => value === seq + 0.5,
    ),
  },
  bytes: {
    codec: () => bytes,
    threads: [1, 1],
    ...plain('bytes', (contents, producer, seq) => contents.bytes(producer, seq), sameBytes),
  },
  views: { codec: () => bytes, threads: [1, 1], ...inPlace('views') },
  texts: {
    codec: () => string,
    threads: [1, 1],
    ...plain(
      'texts',
      (contents, producer, seq) => contents.text(producer, seq),
      (contents, value, producer, seq) => value === contents.text(producer, seq),
    ),
  },
  trees: {
    codec: () => any(),
    threads: [1, 1],
    ...plain(
      'trees',
      (contents, producer, seq) => contents.tree(producer, seq),
      (contents, value, producer, seq) => contents.same(value, contents.tree(producer, seq)),
    ),
  },
  tuples: {
    codec: () => tuple(u32, optional(string), enumOf(...COLOURS), array(f64, 3), bytes),
    threads: [1, 1],
    ...plain('tuples', tupleOf, (contents, value, producer, seq) =>
      contents.same(value, tupleOf(contents, producer, seq)),
    ),
  },
  orders: {
    codec: () => struct({ id: u32, price: f64, side: u8, qty: u32, tag: fixedString(8) }),
    threads: [2, 2],
    ...batches,
  },
  parcels: { codec: () => bytes, threads: [2, 2], ...parcels },
}

export const capacityOf = (random) => random.pick(CAPACITIES)
