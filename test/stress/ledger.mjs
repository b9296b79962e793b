// The ledger of a chaos run: what was sent and what arrived, in memory that survives every thread that writes it.
//
// A value is a number that is sent once. Producers draw runs of CHUNK values; a producer sends its values in rising order, and notes before
// each send how far it has begun and after it how far it is done. Consumers add to the mark of each value that they got.

const CHUNK = 1024

const DRAWN = 0
const STOP = 1

export function makeLedger(values, people) {
  return {
    /** Chunks drawn; whether to stop. */
    words: new SharedArrayBuffer(8),
    /** How often each value arrived. */
    marks: new SharedArrayBuffer(values),
    /** The producer of each chunk, from 1; 0 is nobody. */
    owners: new SharedArrayBuffer((values / CHUNK) * 4),
    /** By producer: one more than the last value whose send has begun, or is done. */
    begun: new SharedArrayBuffer(people * 4),
    done: new SharedArrayBuffer(people * 4),
    /** By consumer: how many values it has marked. */
    received: new SharedArrayBuffer(people * 4),
  }
}

export const stopAll = (ledger) => Atomics.store(new Int32Array(ledger.words), STOP, 1)

/** The share of the values that has been drawn. */
export function used(ledger) {
  return Atomics.load(new Int32Array(ledger.words), DRAWN) / (ledger.owners.byteLength / 4)
}

/** How far a worker has come: grows with each of its operations. */
export const progressOf = (ledger, id) =>
  Atomics.load(new Int32Array(ledger.done), id) + Atomics.load(new Int32Array(ledger.received), id)

export function totalReceived(ledger) {
  return new Int32Array(ledger.received).reduce((sum, n) => sum + n, 0)
}

/** A producer's side. */
export function writer(ledger, id) {
  const words = new Int32Array(ledger.words)
  const owners = new Int32Array(ledger.owners)
  const begun = new Int32Array(ledger.begun)
  const done = new Int32Array(ledger.done)
  let at = 0
  let end = 0
  return {
    /** Begins a send of at most n values: returns how many; they count up from `first`. 0: it is time to stop. */
    begin(n) {
      if (Atomics.load(words, STOP) !== 0) return 0
      if (at === end) {
        const chunk = Atomics.add(words, DRAWN, 1)
        if (chunk >= owners.length) return 0
        Atomics.store(owners, chunk, id + 1)
        at = chunk * CHUNK
        end = at + CHUNK
      }
      this.first = at
      const count = Math.min(n, end - at)
      at += count
      Atomics.store(begun, id, at)
      return count
    },
    end() {
      Atomics.store(done, id, at)
    },
    first: 0,
  }
}

/** A consumer's side: a function for each value that arrives. */
export function reader(ledger, id) {
  const marks = new Uint8Array(ledger.marks)
  const owners = new Int32Array(ledger.owners)
  const received = new Int32Array(ledger.received)
  const last = new Float64Array(ledger.begun.byteLength / 4 + 1).fill(-1)
  return (value) => {
    const owner = Number.isInteger(value) && value < marks.length ? Atomics.load(owners, Math.floor(value / CHUNK)) : 0
    if (owner === 0) throw new Error(`got ${value}, which nobody has sent`)
    if (value <= last[owner]) throw new Error(`got ${value} of producer ${owner - 1} after ${last[owner]}`)
    last[owner] = value
    Atomics.add(marks, value, 1)
    Atomics.add(received, id, 1)
  }
}

/**
 * What became of the values, once all threads have ended. `inFlight`: values of sends that had begun and were not done when their producer
 * died, and did not arrive; `lost`: values that were sent for sure and did not arrive; `forged`: values that arrived though their send had
 * not begun.
 */
export function audit(ledger) {
  const marks = new Uint8Array(ledger.marks)
  const owners = new Int32Array(ledger.owners)
  const begun = new Int32Array(ledger.begun)
  const done = new Int32Array(ledger.done)
  const drawn = Math.min(owners.length, Atomics.load(new Int32Array(ledger.words), DRAWN))
  const sum = { arrived: 0, doubled: 0, forged: 0, inFlight: 0, lost: 0 }
  for (let chunk = 0; chunk < drawn; chunk++) {
    const id = owners[chunk] - 1
    for (let value = chunk * CHUNK; value < (chunk + 1) * CHUNK; value++) {
      const times = marks[value]
      if (times > 0) sum.arrived++
      if (times > 1) sum.doubled++
      if (id < 0 || value >= begun[id]) sum.forged += times > 0 ? 1 : 0
      else if (times === 0) value < done[id] ? sum.lost++ : sum.inFlight++
    }
  }
  return sum
}
