// Barriers: rounds of threads and tasks, who leaves, who dies, and what misuse does.

import { Arena, AtomicI32, Barrier, open, StaleHandleError } from 'millrace'
import { afterAll, afterEach, expect, test } from 'vitest'
import { expectPending, sleep, until } from './support/probe.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads, type Spawned, type Style, spawnWith } from './support/threads.js'

const chance = random('barrier')
const arena = new Arena({ size: 8 * 2 ** 20 })

afterEach(endThreads)
afterAll(async () => {
  await until(() => (arena.stats().blocks[2048] ?? 0) + (arena.stats().blocks[128] ?? 0) === 0, 'no blocks left')
})

const make = (parties: number): Barrier => new Barrier(parties, { arena })
const styles: Style[] = ['async', 'blocking']

test('all wait until all have arrived; one of them is told that it came last', async () => {
  using barrier = make(3)
  for (let round = 0; round < 3; round++) {
    const [a, b] = [barrier.wait(), barrier.wait()]
    await expectPending(a, b)
    expect([barrier.waiting, barrier.parties]).toEqual([2, 3])
    expect(await barrier.wait()).toBe(true)
    expect(await Promise.all([a, b])).toEqual([false, false])
    expect(barrier.waiting).toBe(0)
  }
})

test('alone, nobody waits', async () => {
  using barrier = make(1)
  expect([barrier.waitSync(), await barrier.wait({ timeout: 0 })]).toEqual([true, true])
})

test.each([
  ['async', 'async'],
  ['blocking', 'blocking'],
  ['async', 'blocking'],
] as [Style, Style][])('rounds of workers, %s and %s: one leader each, and nobody is a round ahead', async (...mix) => {
  const parties = 4
  using barrier = make(parties)
  using round = new AtomicI32(0, { arena })
  const count = rounds(200)
  const leaders = await Promise.all(
    Array.from({ length: parties }, (_, i) =>
      elsewhere(
        mix[i % 2] as Style,
        async ({ open }, handle, counter, count, parties, blocking) => {
          const [barrier, arrived] = [open(handle), open(counter)]
          let leader = 0
          for (let i = 1; i <= count; i++) {
            arrived.add(1)
            const last = blocking ? barrier.waitSync() : await barrier.wait()
            if (last) leader++
            if (arrived.load() < i * parties) throw new Error('somebody has not arrived')
            if (arrived.load() > (i + 1) * parties - 1) throw new Error('somebody is a round ahead')
          }
          return leader
        },
        barrier.handle,
        round.handle,
        count,
        parties,
        mix[i % 2] === 'blocking',
      ),
    ),
  )
  expect(leaders.reduce((sum, n) => sum + n, 0)).toBe(count)
  expect(round.load()).toBe(count * parties)
})

test('who gives up has not arrived', async () => {
  using barrier = make(2)
  await expect(barrier.wait({ timeout: 10 })).rejects.toMatchObject({ code: 'ERR_TIMEOUT' })
  expect(() => barrier.waitSync({ timeout: 10 })).toThrow('timed out')
  expect(() => barrier.waitSync({ timeout: 0 })).toThrow('timed out')
  await expect(barrier.wait({ signal: AbortSignal.abort(new Error('before')) })).rejects.toThrow('before')
  const abort = new AbortController()
  const wait = barrier.wait({ signal: abort.signal })
  expect(barrier.waiting).toBe(1)
  abort.abort(new Error('enough'))
  await expect(wait).rejects.toThrow('enough')
  expect(barrier.waiting).toBe(0)
  const next = barrier.wait()
  await expectPending(next)
  expect(barrier.waitSync()).toBe(true)
  expect(await next).toBe(false)
})

test('an abort after all have arrived comes too late', async () => {
  using barrier = make(2)
  const abort = new AbortController()
  const wait = barrier.wait({ signal: abort.signal })
  expect(barrier.waitSync()).toBe(true)
  abort.abort(new Error('late'))
  expect(await wait).toBe(false)
  expect(barrier.waiting).toBe(0)
})

test('timeouts of two threads that meet now and then: both agree', async () => {
  using barrier = make(2)
  const count = rounds(400)
  const meet = (): Promise<[number, number]> =>
    elsewhere(
      'blocking',
      ({ open, randomFrom }, handle, count, seed) => {
        const barrier = open(handle)
        const random = randomFrom(seed)
        const met: [number, number] = [0, 0]
        for (let i = 0; i < count; i++) {
          try {
            met[barrier.waitSync({ timeout: random.next() * 0.2 }) ? 1 : 0]++
          } catch (error) {
            if ((error as { code: string }).code !== 'ERR_TIMEOUT') throw error
          }
        }
        return met
      },
      barrier.handle,
      count,
      chance.below(2 ** 31),
    )
  const [[a, b], [c, d]] = await Promise.all([meet(), meet()])
  // As many came last as did not.
  expect(a + c).toBe(b + d)
  expect([a, c]).toEqual([d, b])
  expect(barrier.waiting).toBe(0)
})

test('parties that make no sense', () => {
  for (const parties of [0, -1, 1.5, 65536, Number.NaN]) expect(() => make(parties)).toThrow(RangeError)
  for (const parties of ['2', undefined, null, 2n]) expect(() => make(parties as never)).toThrow(TypeError)
  make(65535).dispose()
})

test('handles; stale once it is disposed of', async () => {
  const barrier = new Barrier(3, { arena, name: 'steps' })
  const same = open(barrier.handle)
  expect([same.parties, same.name]).toEqual([3, 'steps'])
  await expect(same.wait({ timeout: 1 })).rejects.toThrow('"steps"')
  const wait = same.wait()
  const blocked = elsewhere('blocking', ({ open }, handle) => open(handle).waitSync(), barrier.handle)
  await until(() => barrier.waiting === 2)
  barrier.dispose()
  await expect(wait).rejects.toThrow(StaleHandleError)
  await expect(blocked).rejects.toMatchObject({ code: 'ERR_STALE_HANDLE' })
  for (const call of [() => same.waitSync(), () => same.waiting, () => same.handle])
    expect(call).toThrow(StaleHandleError)
})

test('who dies waiting leaves', async () => {
  using barrier = make(3)
  const worker = spawnWith('blocking', ({ open }, handle) => open(handle).waitSync(), barrier.handle)
  const wait = barrier.wait()
  await until(() => barrier.waiting === 2)
  await worker.terminate()
  await until(() => barrier.waiting === 1, 'the dead to leave')
  await expectPending(wait)
  const other = barrier.wait()
  expect(barrier.waitSync()).toBe(true)
  expect(await Promise.all([wait, other])).toEqual([false, false])
})

test.each(styles)('workers killed anywhere, %s: the others meet', async (style) => {
  using barrier = make(2)
  const start = (): Spawned<void> =>
    spawnWith(
      style,
      async ({ open }, handle, blocking) => {
        const barrier = open(handle)
        for (;;) {
          if (blocking) barrier.waitSync()
          else await barrier.wait()
        }
      },
      barrier.handle,
      style === 'blocking',
    )
  for (let k = 0; k < rounds(25); k++) {
    const workers = [start(), start()]
    await sleep(chance.next() * 20 + 30)
    await (workers[k % 2] as Spawned<void>).terminate()
    // The other one goes on with us in its place, until it is alone.
    for (let i = 0; i < 3; i++) await barrier.wait({ timeout: 15_000 })
    await (workers[1 - (k % 2)] as Spawned<void>).terminate()
    await until(() => barrier.waiting === 0, 'an empty barrier')
  }
})
