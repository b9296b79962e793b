// The same operation said in several ways: by itself, as a select of one case, and as a select with cases that are never ready.

import { type Channel, f64, type Next } from 'millrace'
import type { SelectSubject } from './subject.js'

export interface Way {
  name: string
  send(ch: Channel<number>, value: number): Promise<void>
  trySend(ch: Channel<number>, value: number): boolean
  next(ch: Channel<number>): Promise<Next<number>>
  tryNext(ch: Channel<number>): Next<number> | undefined
}

function bare<T>({ value, done }: { value: T | undefined; done: boolean }): Next<T> {
  return { value, done } as Next<T>
}

export function waysOf({ make, recv, send, select, trySelect, never }: SelectSubject): Way[] {
  return [
    {
      name: 'plain operation',
      send: (ch, value) => ch.send(value),
      trySend: (ch, value) => ch.trySend(value),
      next: (ch) => ch.next(),
      tryNext: (ch) => ch.tryNext(),
    },
    {
      name: 'select of one case',
      send: async (ch, value) => void (await select({ it: send(ch, value) })),
      trySend: (ch, value) => trySelect({ it: send(ch, value) }) !== undefined,
      next: async (ch) => bare(await select({ it: recv(ch) })),
      tryNext: (ch) => {
        const hit = trySelect({ it: recv(ch) })
        return hit && bare(hit)
      },
    },
    {
      name: 'select with cases that are never ready',
      send: async (ch, value) => {
        const dead = make(f64)
        await select({ dead: recv(dead), off: null, it: send(ch, value), gone: send(never, 1) })
      },
      trySend: (ch, value) => {
        const dead = make(f64)
        return trySelect({ dead: send(dead, 1), it: send(ch, value), gone: recv(never) }) !== undefined
      },
      next: async (ch) => {
        const dead = make(f64)
        const hit = await select({ gone: recv(never), dead: recv(dead), it: recv(ch), off: undefined })
        return bare(hit as { value: number; done: false })
      },
      tryNext: (ch) => {
        const dead = make(f64)
        const hit = trySelect({ dead: send(dead, 1), gone: recv(never), it: recv(ch) })
        return hit && bare(hit as { value: number; done: false })
      },
    },
  ]
}
