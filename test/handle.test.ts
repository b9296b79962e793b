// Handles: what travels, what opens, and what is stale.

import { MessageChannel, receiveMessageOnPort, Worker } from 'node:worker_threads'
import { type Arena, type Channel, type Codec, type Counter, type Pool, type Stack, StaleHandleError } from 'millrace'
import { describe, expect, test } from 'vitest'
import { kits } from './support/kit.mjs'
import { type AnyHandle, arena, changed, handleOf, makers, openAny, snapshot } from './support/objects.js'
import { rejection, thrown } from './support/probe.js'
import { elsewhere } from './support/threads.js'

describe.each(Object.entries(makers))('handle of a %s', (name, make) => {
  test('is a plain object that messages carry, and opens as an object of the same class', () => {
    const object = make()
    const { handle } = object
    expect(Object.getPrototypeOf(handle)).toBe(Object.prototype)
    const { port1, port2 } = new MessageChannel()
    port1.postMessage({ deep: [handle] })
    const arrived = receiveMessageOnPort(port2)?.message.deep[0]
    port1.close()
    const other = openAny(arrived) as { handle: unknown; constructor: unknown; arena: Arena }
    expect(other.constructor).toBe(object.constructor)
    expect(other.arena).toBe(arena)
    expect({ ...handleOf(other), memory: 0, module: 0 }).toEqual({ ...(handle as AnyHandle), memory: 0, module: 0 })
    object.dispose()
  })

  test('opens in a worker, from workerData and from a message, without another arena', async () => {
    const object = make()
    const { threads } = arena.stats()
    const worker = new Worker(
      `import('millrace').then(({ open }) => {
        const { parentPort, workerData } = require('node:worker_threads')
        const first = open(workerData)
        parentPort.once('message', (handle) => {
          const second = open(handle)
          parentPort.postMessage([first.constructor === second.constructor, first.arena === second.arena, second.arena.stats().threads])
        })
        parentPort.postMessage('ready')
      })`,
      { eval: true, workerData: object.handle },
    )
    const answer = await new Promise((resolve, reject) => {
      worker.on('error', reject)
      worker.on('message', (message) => (message === 'ready' ? worker.postMessage(object.handle) : resolve(message)))
    })
    expect(answer).toEqual([true, true, threads + 1])
    await worker.terminate()
    object.dispose()
  })

  test('ATOM-13 is stale after dispose: it opens nowhere, and every use of the object throws', async () => {
    const object = make()
    const { handle } = object
    const other = openAny(handle) as Record<string, unknown>
    object.dispose()
    object.dispose() // once more does nothing
    for (const stale of [handle, structuredClone({ ...(handle as object), memory: 0, module: 0 })]) {
      const fixed = {
        ...(stale as AnyHandle),
        memory: handleOf({ handle }).memory,
        module: handleOf({ handle }).module,
      }
      const error = thrown(() => openAny(fixed))
      expect(error).toBeInstanceOf(StaleHandleError)
      expect(error.code).toBe('ERR_STALE_HANDLE')
    }
    expect(
      await elsewhere(
        'blocking',
        ({ open }, handle) => {
          try {
            return open(handle) && 'opened'
          } catch (error) {
            return (error as { code: string }).code
          }
        },
        handle,
      ),
    ).toBe('ERR_STALE_HANDLE')
    expect(thrown(() => (object as { handle: unknown }).handle)).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => other.handle)).toBeInstanceOf(StaleHandleError)
    for (const error of await useAll(name, other)) expect(error).toBeInstanceOf(StaleHandleError)
    for (const error of await useAll(name, object as never)) expect(error).toBeInstanceOf(StaleHandleError)
    expect(thrown(() => (other as unknown as { dispose(): void }).dispose())).toBeInstanceOf(StaleHandleError)
  })

  test('is stale even when an equal object lives in the same place', async () => {
    const first = make()
    const { handle } = first
    const other = openAny(handle) as Record<string, unknown>
    first.dispose()
    const second = make()
    expect(handleOf(second).address).toBe((handle as AnyHandle).address)
    expect(thrown(() => openAny(handle))).toBeInstanceOf(StaleHandleError)
    const before = snapshot()
    for (const error of await useAll(name, other)) expect(error).toBeInstanceOf(StaleHandleError)
    expect(changed(before)).toEqual([])
    second.dispose()
  })
})

/** What every operation of the object throws. */
async function useAll(name: string, object: Record<string, unknown>): Promise<Error[]> {
  const kit = kits.find((each) => name.endsWith(` ${each.name}`))
  const value = kit?.value(1) as never
  if (name.startsWith('channel')) {
    const ch = object as unknown as Channel<never>
    const batch = new (ch.codec as Codec<never>).batch(1)
    return [
      thrown(() => ch.trySend(value)),
      thrown(() => ch.tryReceive()),
      thrown(() => ch.tryNext()),
      thrown(() => ch.sendSync(value)),
      thrown(() => ch.sendSync(value, { timeout: 1 })),
      thrown(() => ch.receiveSync()),
      thrown(() => ch.nextSync({ timeout: 1 })),
      thrown(() => ch.trySendMany([value])),
      thrown(() => ch.tryReceiveMany(batch)),
      thrown(() => ch.receiveManySync(batch)),
      thrown(() => ch.sendManySync([value])),
      await rejection(ch.send(value)),
      await rejection(ch.receive()),
      await rejection(ch.next()),
      await rejection(ch.sendMany([value])),
      await rejection(ch.receiveMany(batch)),
      thrown(() => ch.close()),
      thrown(() => ch.length),
      thrown(() => ch.closed),
      thrown(() => [...ch.available()]),
      thrown(() => [...ch.sync()]),
      thrown(() => ch.sender.handle),
    ]
  }
  if (name.startsWith('stack')) {
    const stack = object as unknown as Stack<never>
    return [
      thrown(() => stack.push(value)),
      thrown(() => stack.pop()),
      thrown(() => stack.tryNext()),
      thrown(() => [...stack.drain()]),
      thrown(() => stack.length),
    ]
  }
  if (name === 'counter') {
    const counter = object as unknown as Counter
    return [
      thrown(() => counter.add()),
      thrown(() => counter.add(2 ** 40)),
      thrown(() => counter.value),
      thrown(() => counter.reset()),
    ]
  }
  if (name === 'pool') {
    const pool = object as unknown as Pool<number>
    return [
      thrown(() => pool.get()),
      thrown(() => pool.put(1)),
      thrown(() => pool.trim()),
      thrown(() => pool.length),
      thrown(() => pool.handle),
    ]
  }
  const atomic = object as unknown as Record<string, (...args: unknown[]) => unknown>
  const one = name === 'AtomicBool' ? true : name.endsWith('64') ? 1n : 1
  return ['load', 'store', 'add', 'sub', 'swap', 'and', 'or', 'xor', 'compareAndSwap']
    .filter((method) => method in atomic)
    .map((method) => thrown(() => (atomic[method] as (...args: unknown[]) => unknown)(one, one)))
}
