// The one-thread rows of a channel library. Each checks what it gets back, so that nothing is measured that does not work
// and nothing can be optimised away.

import type { Library, LibraryChannel, LibraryDeque, LibraryStack } from '../contenders/library.js'

type Rounds = (rounds: number) => void

export function libraryMicro(library: Library, style: string, capacity: number): Rounds {
  switch (style) {
    case 'create':
      return (rounds) => create(library, capacity, rounds)
    case 'sendrecv-f64':
      return sendReceive(library.channel(library.f64, { capacity }))
    case 'sendrecv-i32':
      return sendReceive(library.channel(library.i32, { capacity }))
    case 'stack':
      return pushPop(new library.Stack(library.f64, { capacity }))
    case 'deque':
      return ownerOnly(library.Deque ? new library.Deque(library.f64) : new library.Stack(library.f64, { capacity }))
    case 'counter':
      return count(library)
    case 'atomic-add':
      return atomicAdd(library)
    case 'atomic-cas':
      return atomicSwap(library)
    default:
      throw new Error(`no micro row ${style}`)
  }
}

function create(library: Library, capacity: number, rounds: number): void {
  for (let round = 0; round < rounds; round++) library.channel(library.f64, { capacity }).dispose?.()
}

function sendReceive(channel: LibraryChannel): Rounds {
  return (rounds) => {
    for (let value = 0; value < rounds; value++) {
      if (!channel.trySend(value) || channel.tryReceive() !== value) throw new Error(`lost ${value}`)
    }
  }
}

function pushPop(stack: LibraryStack): Rounds {
  return (rounds) => {
    for (let value = 0; value < rounds; value++) {
      if (!stack.push(value) || stack.pop() !== value) throw new Error(`lost ${value}`)
    }
  }
}

/** The owner alone, as deep as the binary tree of a task that spawns two. */
export function ownerOnly(deque: LibraryDeque): Rounds {
  return (rounds) => {
    for (let value = 0; value < rounds; value += 2) {
      deque.push(value)
      deque.push(value + 1)
      if (deque.pop() !== value + 1 || deque.pop() !== value) throw new Error(`lost ${value}`)
    }
  }
}

function count(library: Library): Rounds {
  const counter = new library.Counter()
  return (rounds) => {
    const before = counter.value
    for (let round = 0; round < rounds; round++) counter.add(1)
    if (((counter.value - before - rounds) | 0) !== 0) throw new Error('lost a count')
  }
}

function atomicAdd(library: Library): Rounds {
  const atomic = new library.AtomicI32(0)
  return (rounds) => {
    const before = atomic.load()
    for (let round = 0; round < rounds; round++) atomic.add(1)
    if (((atomic.load() - before - rounds) | 0) !== 0) throw new Error('lost an addition')
  }
}

function atomicSwap(library: Library): Rounds {
  const atomic = new library.AtomicI32(0)
  return (rounds) => {
    const from = atomic.load()
    for (let round = 0; round < rounds; round++) {
      if (!atomic.compareAndSwap((from + round) | 0, (from + round + 1) | 0)) throw new Error('lost a swap')
    }
  }
}
