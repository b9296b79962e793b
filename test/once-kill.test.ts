// Workers terminated while they run the function, or wait for its end.

import { Arena, Once, OnceValue, PoisonedError, string } from 'millrace'
import { afterEach, describe, expect, test } from 'vitest'
import { rejection, sleep, smallBlocks, thrown, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, spawn } from './support/threads.js'

const arena = new Arena({ size: 4 * 2 ** 20 })

afterEach(endThreads)

test.each(['doSync', 'do'] as const)(
  'ONCE-9 a thread that dies in %s poisons: who waits and who comes is told, nobody runs it again',
  async (method) => {
    using once = new Once({ arena, name: 'set-up' })
    const begun = new Int32Array(new SharedArrayBuffer(4))
    const victim = spawn(
      ({ open }, handle, method, begun) => {
        const once = open(handle)
        Atomics.store(begun, 0, 1)
        if (method === 'do') {
          return once.do(() => {
            Atomics.store(begun, 0, 2)
            return new Promise((resolve) => setTimeout(resolve, 100_000))
          })
        }
        return once.doSync(() => {
          Atomics.store(begun, 0, 2)
          for (;;);
        })
      },
      once.handle,
      method,
      begun,
    )
    victim.result.catch(() => {})
    await until(() => Atomics.load(begun, 0) === 2)
    const inUse = smallBlocks(arena)
    const waits = rejection(once.do(() => expect.unreachable()))
    const blocked = elsewhere('blocking', ({ open }, handle) => open(handle).doSync(() => 1), once.handle).then(
      () => 'returned',
      (error) => error.code,
    )
    await until(() => smallBlocks(arena) === inUse + 2)
    expect(once.poisoned).toBe(false)
    await victim.terminate()
    const error = await waits
    expect(error).toBeInstanceOf(PoisonedError)
    expect(error).toMatchObject({ code: 'ERR_POISONED' })
    expect(error.message).toContain('"set-up"')
    expect(await blocked).toBe('ERR_POISONED')
    expect([once.done, once.poisoned]).toEqual([false, true])
    expect(thrown(() => once.doSync(() => expect.unreachable()))).toBeInstanceOf(PoisonedError)
    expect(await rejection(once.do(() => expect.unreachable()))).toBeInstanceOf(PoisonedError)
    expect(await elsewhere('blocking', ({ open }, handle) => open(handle).done, once.handle)).toBe(false)
  },
)

describe('at random moments', () => {
  test('two threads race for many of them; one dies anywhere, and the other one never hangs', async () => {
    const { below } = random('kills of onces')
    let poisoned = 0
    const kills = rounds(50)
    for (let i = 0; i < kills; i++) {
      const many = Array.from({ length: 40 }, () => new OnceValue(string, { arena }))
      const handles = many.map((once) => once.handle)
      const started = new Int32Array(new SharedArrayBuffer(4))
      const runs = new Int32Array(new SharedArrayBuffer(4 * many.length))
      const job = async (
        { open }: { open: (handle: unknown) => OnceValue<string> },
        handles: unknown[],
        started: Int32Array,
        runs: Int32Array,
        wait: boolean,
      ): Promise<string[]> => {
        const onces = handles.map((handle) => open(handle))
        Atomics.add(started, 0, 1)
        while (Atomics.load(started, 0) < 3) Atomics.wait(started, 0, Atomics.load(started, 0), 1)
        const got: string[] = []
        for (const [k, once] of onces.entries()) {
          const make = (): string => {
            Atomics.add(runs, k, 1)
            for (const until = performance.now() + 0.2; performance.now() < until; );
            return `value ${k}`
          }
          try {
            got.push(wait ? await once.get(async () => make()) : once.getSync(make))
          } catch (error) {
            got.push((error as { code: string }).code)
          }
        }
        return got
      }
      const victim = spawn(job, handles, started, runs, i % 2 === 0)
      victim.result.catch(() => {})
      const others = [
        elsewhere('blocking', job, handles, started, runs, false),
        elsewhere('blocking', job, handles, started, runs, true),
      ]
      await until(() => Atomics.load(started, 0) === 3)
      await sleep(below(8))
      await victim.terminate()
      for (const got of await Promise.all(others)) {
        expect(got.length).toBe(many.length)
        for (const [k, value] of got.entries()) {
          if (value === 'ERR_POISONED') {
            poisoned++
            expect((many[k] as OnceValue<string>).poisoned).toBe(true)
          } else expect(value).toBe(`value ${k}`)
        }
      }
      for (const [k, once] of many.entries()) {
        expect(Atomics.load(runs, k)).toBeLessThanOrEqual(1)
        expect(once.done).toBe(!once.poisoned)
        once.dispose()
      }
      await until(() => arena.stats().bytesInUse === arena.stats().blocks[16384]! * 16384, 'no block but the places')
    }
    // Two threads learn of each; not every kill hits a function that runs.
    expect(poisoned % 2).toBe(0)
    expect(poisoned).toBeGreaterThan(0)
  }, 120_000)

  test('threads that wait die; the others are told in the end', async () => {
    const { below } = random('kills of waiters')
    for (let i = 0; i < rounds(10); i++) {
      using once = new Once({ arena })
      let end = (): void => {}
      const run = once.do(
        () =>
          new Promise<void>((resolve) => {
            end = resolve
          }),
      )
      const before = smallBlocks(arena)
      const victims = [0, 1].map(() => spawn(({ open }, handle) => open(handle).doSync(() => 1), once.handle))
      for (const victim of victims) victim.result.catch(() => {})
      const stays = elsewhere('blocking', ({ open }, handle) => open(handle).doSync(() => 1), once.handle)
      await until(() => smallBlocks(arena) >= before + 1)
      await sleep(below(30))
      const kills = victims.map((victim) => victim.terminate())
      await sleep(below(2))
      end()
      await Promise.all([...kills, run, stays])
      await until(() => smallBlocks(arena) === 0)
    }
  }, 60_000)
})
