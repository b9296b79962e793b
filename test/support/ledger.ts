// Who sent and who received what, in plain shared memory: tickets for values, and a mark for each value that arrived.

export const VALUES = 2 ** 22

export interface Ledger {
  /** Word 0: the next ticket; word 1: not 0 once everybody shall stop. */
  tickets: SharedArrayBuffer
  seen: SharedArrayBuffer
}

export function ledger(): Ledger {
  return { tickets: new SharedArrayBuffer(8), seen: new SharedArrayBuffer(VALUES) }
}

export function drawn({ tickets }: Ledger): number {
  return Math.min(VALUES, Atomics.load(new Int32Array(tickets), 0))
}

export function stop({ tickets }: Ledger): void {
  Atomics.store(new Int32Array(tickets), 1, 1)
}

export function tally(shared: Ledger): { lost: number; doubled: number } {
  const marks = new Uint8Array(shared.seen)
  const sent = drawn(shared)
  let [lost, doubled] = [0, 0]
  for (let v = 0; v < sent; v++) {
    if (marks[v] === 0) lost++
    else if (marks[v] !== 1) doubled++
  }
  // What nobody has sent must not have arrived either.
  for (let v = sent; v < VALUES; v++) if (marks[v] !== 0) doubled++
  return { lost, doubled }
}
