// Goroutines on workers: what is spawned, where it runs, what arrives. How they end otherwise: runtime-errors, runtime-death, runtime-cancel.

import {
  AtomicI32,
  background,
  channel,
  currentRuntime,
  currentTask,
  f64,
  go,
  goexit,
  gosched,
  Mutex,
  numCPU,
  numGoroutine,
  Semaphore,
  Task,
  WaitGroup,
  withCancel,
} from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { elapsed, isPending, macrotask, rejection, same, thrown, until } from './support/probe.js'
import { expectEmpty, runtimes } from './support/runtimes.js'
import { spawn } from './support/threads.js'

noComplaints()
const start = runtimes()

describe('go(fn): on this event loop', () => {
  test('RT-1 returns before the function begins, and that runs beside its caller', async () => {
    const seen: string[] = []
    const task = go(async () => {
      seen.push('task begins')
      await gosched()
      seen.push('task ends')
      return 5
    })
    expect(task).toBeInstanceOf(Promise)
    expect(task).toBeInstanceOf(Task)
    expect([seen.length, task.state]).toEqual([0, 'runnable'])
    seen.push('caller goes on')
    await Promise.resolve()
    seen.push('caller again')
    expect(await task).toBe(5)
    expect(task.state).toBe('terminated')
    expect(seen).toEqual(['caller goes on', 'task begins', 'caller again', 'task ends'])
  })

  test('RT-1 gives arguments as they are, and the result', async () => {
    const object = { a: 1 }
    expect(await go((x: object, y: number) => [x, y] as const, object, 2)).toEqual([object, 2])
    expect((await go((x: object) => x, object)) === object).toBe(true)
  })

  test('RT-9 what is no function is refused', () => {
    for (const wrong of [undefined, null, 5, {}, [], Promise.resolve()]) {
      const error = thrown(() => go(wrong as never))
      expect(error).toBeInstanceOf(TypeError)
      expect(error).toMatchObject({
        code: 'ERR_INVALID_ARG_TYPE',
        message: expect.stringMatching(/^go of nil func value/),
      })
    }
    // A name is for tasks.
    expect(thrown(() => go('fib', 1))).toMatchObject({ message: expect.stringContaining('not a worker of a runtime') })
  })

  test('RT-10 the number of goroutines: one at first, and in the end', async () => {
    expect(numGoroutine()).toBe(1)
    const tasks = Array.from({ length: 10 }, () => go(() => gosched()))
    expect(numGoroutine()).toBe(11)
    tasks[9]!.cancel()
    await Promise.allSettled(tasks)
    expect(numGoroutine()).toBe(1)
    const failing = go(() => {
      throw new Error('x')
    })
    expect(numGoroutine()).toBe(2)
    await rejection(failing)
    expect(numGoroutine()).toBe(1)
  })

  test('RT-19 goexit ends it: finally blocks run, and there is no error', async () => {
    const seen: unknown[] = []
    const task = go(async () => {
      try {
        await gosched()
        goexit()
      } catch (error) {
        seen.push(error instanceof Error)
        throw error
      } finally {
        seen.push('finally')
      }
    })
    expect(await task).toBe(undefined)
    expect(seen).toEqual([false, 'finally'])
    expect(await go(() => goexit())).toBe(undefined)
  })

  test('RT-20 a throw in the cleanup surfaces', async () => {
    const task = go(async () => {
      try {
        goexit()
      } finally {
        // biome-ignore lint/correctness/noUnsafeFinally: what is tested
        throw new Error('cleanup')
      }
    })
    expect((await rejection(task)).message).toBe('cleanup')
  })

  test('RT-8 what it throws, it rejects with: the same object', async () => {
    for (const thing of [new Error('x'), undefined, null, 0, 'text', Object.freeze({})]) {
      expect(await rejection(go(() => Promise.reject(thing)))).toBe(thing)
      expect(
        await rejection(
          go(() => {
            throw thing
          }),
        ),
      ).toBe(thing)
    }
    const { proxy, revoke } = Proxy.revocable({}, {})
    revoke()
    const task = go(() => {
      throw proxy
    })
    expect((await task.then(undefined, (error) => [error]))?.[0] === proxy).toBe(true)
  })

  test('cancelled before it begins it never does; after that it goes on', async () => {
    let runs = 0
    const task = go(() => runs++)
    const reason = { why: 'not needed' }
    task.cancel(reason)
    expect(task.state).toBe('terminated')
    expect(await rejection(task)).toBe(reason)
    await macrotask()
    expect(runs).toBe(0)
    const other = go(async () => {
      await gosched()
      return ++runs
    })
    await Promise.resolve()
    other.cancel(reason)
    expect(await other).toBe(1)
  })

  test('where there is no task, nothing is told of one', () => {
    expect(thrown(() => currentTask())).toBeInstanceOf(TypeError)
    expect(thrown(() => currentRuntime())).toBeInstanceOf(TypeError)
    expect(numCPU()).toBeGreaterThanOrEqual(1)
  })
})

describe('rt.go: on workers', () => {
  test('RT-1 returns at once, and the task runs beside the caller', async () => {
    const rt = await start()
    const began = performance.now()
    const task = rt.go('block', 200)
    expect(performance.now() - began).toBeLessThan(150)
    expect(task).toBeInstanceOf(Task)
    expect(await isPending(task)).toBe(true)
    expect(await task).toBeLessThan(2)
  })

  test('its promise is a native one with id, name and state', async () => {
    const rt = await start()
    const [a, b] = [rt.go('add', 1, 2), rt.go('add', 3, 4)]
    expect(b.id).toBe(a.id + 1)
    expect(a.name).toBe('add')
    expect(a.then(() => {})).not.toBeInstanceOf(Task)
    expect(await Promise.all([a, b])).toEqual([3, 7])
    expect([a.state, b.state]).toEqual(['terminated', 'terminated'])
    expect(String(a)).toBe('[object Task]')
  })

  test('its states: runnable, running, blocked, terminated', async () => {
    const rt = await start({ procs: 1 })
    const first = rt.go('block', 100)
    const second = rt.go('sleep', 100)
    await until(() => first.state === 'running', 'a running task')
    expect(second.state).toBe('runnable')
    await until(() => second.state === 'blocked', 'a blocked task')
    expect(first.state).toBe('terminated')
    await second
    expect(second.state).toBe('terminated')
  })

  test('arguments: none to ten, of all kinds, arrive as they are', async () => {
    const rt = await start()
    const kinds: unknown[] = [
      ...[0, -0, 1.5, Number.NaN, Number.POSITIVE_INFINITY, -1, 2 ** 53, 5e-324],
      ...[true, false, null, undefined, 0n, -(2n ** 70n), '', 'text', 'ü€😀\ud800'],
      ...[{}, { a: { b: [1, undefined, null] } }, [], [[[]]], new Date(5), /x/g],
      ...[new Map<unknown, unknown>([[1, { a: 1 }]]), new Set([1, 'a'])],
      ...[new Uint8Array([1, 2]), new Float64Array([-0, Number.NaN]), new BigInt64Array([5n]), new ArrayBuffer(3)],
      ...[new RangeError('an error', { cause: 'c' })],
    ]
    for (const kind of kinds) {
      expect(same(await rt.go('echo', kind), [kind])).toBe(true)
      expect(same(await rt.go('identity', kind), kind)).toBe(true)
      expect(same(await rt.go('later', kind), kind)).toBe(true)
    }
    for (let n = 0; n <= 10; n++) {
      for (let from = 0; from < kinds.length; from += 3) {
        const args = Array.from({ length: n }, (_, i) => kinds[(from + i * 7) % kinds.length])
        expect(same(await rt.go('echo', ...args), args)).toBe(true)
        expect(await rt.go('countArguments', ...args)).toBe(n)
      }
    }
  })

  test('arguments that are the same object arrive as the same; each task has copies', async () => {
    const rt = await start()
    const shared = { n: 1 }
    const [a, b] = (await rt.go('echo', shared, shared)) as [object, object]
    expect(a).toBe(b)
    expect(a).not.toBe(shared)
    const ring: { self?: unknown } = {}
    ring.self = ring
    const back = (await rt.go('identity', ring)) as { self: unknown }
    expect(back.self).toBe(back)
  })

  test('what has a handle arrives opened: channels, mutexes, atomics, contexts, runtimes', async () => {
    const rt = await start()
    const { arena } = rt
    const ch = channel(f64, { capacity: 1, arena })
    const mutex = new Mutex({ arena })
    const cell = new AtomicI32(0, { arena })
    const semaphore = new Semaphore(2, { arena })
    const group = new WaitGroup({ arena })
    const { ctx, cancel } = withCancel(background())
    const all = [ch, mutex, cell, semaphore, group, ctx, rt]
    const names = await rt.go('kindsOf', ...all)
    expect(names).toEqual(all.map((each) => each.constructor.name))
    expect(await rt.go('isCurrent', rt)).toBe(true)
    expect(await rt.go('spawnOnHandle', rt, 'add', 2, 3)).toBe(5)
    await rt.go('touch', cell)
    expect(cell.load()).toBe(1)
    cancel()
    for (const each of [ch, mutex, cell, semaphore, group]) each.dispose()
  })

  test('results with handles arrive opened', async () => {
    const rt = await start()
    const made = await rt.go('identity', { cell: new AtomicI32(7, { arena: rt.arena }) })
    expect(made.cell.load()).toBe(7)
    made.cell.dispose()
  })

  test('large ones: a MiB, and what is more than a quarter of the arena is refused with its size', async () => {
    const rt = await start()
    const large = new Uint8Array(2 ** 20 - 100).fill(3)
    expect(await rt.go('lengthOf', large)).toBe(large.length)
    expect((await rt.go('bytesOf', large.length)).length).toBe(large.length)
    const error = thrown(() => rt.go('lengthOf', new Uint8Array(2 ** 20 + 1)))
    expect(error).toBeInstanceOf(RangeError)
    expect(error.message).toMatch(/quarter of the arena/)
    const answer = await rejection(rt.go('bytesOf', 2 ** 20 + 1))
    expect(answer).toBeInstanceOf(RangeError)
    expect(answer.message).toMatch(/quarter of the arena/)
    expect(rt.numGoroutine()).toBe(0)
  })

  test('what cannot be carried is refused at once, with the path to it; nothing has been spawned', async () => {
    const rt = await start()
    for (const [args, path] of [
      [[() => {}], '$[0]'],
      [[1, { a: [0, Symbol('x')] }], '$[1].a[1]'],
      [[1, 2, 3, new Map([['k', new WeakMap()]])], '$[3].get("k")'],
      [[new Promise(() => {})], '$[0]'],
      [[new SharedArrayBuffer(8)], '$[0]'],
    ] as const) {
      const error = thrown(() => rt.go('echo', ...args))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toContain(path)
    }
    const getter = {
      get bad() {
        throw new Error('from the getter')
      },
    }
    expect(thrown(() => rt.go('echo', getter)).message).toBe('from the getter')
    expect(rt.numGoroutine()).toBe(0)
    const result = await rejection(rt.go('uncarryable'))
    expect(result).toBeInstanceOf(TypeError)
    expect(result.message).toContain('$.list[1]')
    expect(await rt.go('add', 1, 1)).toBe(2)
  })

  test('an unknown name is refused at once, and told what there is', async () => {
    const rt = await start()
    for (const name of ['nope', 'answer', 'text', 'table', 'toString', 'constructor', '__proto__', '', 'FIB']) {
      const error = thrown(() => rt.go(name as 'fib', 1))
      expect(error).toBeInstanceOf(TypeError)
      expect(error.message).toMatch(/exports no function ".*": it has .*"fib"/)
    }
    expect(thrown(() => rt.go(undefined as never))).toBeInstanceOf(TypeError)
    expect(thrown(() => rt.task('nope' as never))).toBeInstanceOf(TypeError)
    expect(await rejection(rt.go('spawnUnknown'))).toMatchObject({ message: expect.stringContaining('"noSuchTask"') })
  })

  test('exports of other kinds: default is a task, a class cannot be called, a generator cannot be carried', async () => {
    const rt = await start()
    expect(await rt.go('default')).toBe('default')
    expect((await rejection(rt.go('Thing' as never))).message).toMatch(/Class constructor/)
    expect((await rejection(rt.go('stream'))).message).toMatch(/AsyncGenerator/)
    expect(await rt.go('add', 1, 1)).toBe(2)
  })

  test('a task knows its worker and its name, in its synchronous part', async () => {
    const rt = await start()
    expect(await rt.go('nameOfTask')).toBe('nameOfTask')
    expect([0, 1]).toContain(await rt.go('worker'))
    expect(await rejection(rt.go('noTaskAfterAwait'))).toMatchObject({
      message: expect.stringContaining('before the first await'),
    })
  })

  test('tasks spawn tasks, on the queue of their own worker', async () => {
    const rt = await start()
    expect(await rt.go('fib', 12)).toBe(144)
    expect(await rt.go('closure')).toEqual([2, 'goes on', 'begins'])
  })

  test('thousands at once', async () => {
    const rt = await start()
    const results = await Promise.all(Array.from({ length: 20_000 }, (_, i) => rt.go('add', i, 1)))
    expect(results.every((result, i) => result === i + 1)).toBe(true)
    expect(rt.numGoroutine()).toBe(0)
  })

  test('RT-10 their number goes up and back', async () => {
    const rt = await start()
    expect(numGoroutine()).toBe(1)
    const tasks = Array.from({ length: 5 }, () => rt.go('sleep', 50))
    expect([rt.numGoroutine(), numGoroutine()]).toEqual([5, 6])
    await Promise.all(tasks)
    expect([rt.numGoroutine(), numGoroutine()]).toEqual([0, 1])
    await Promise.all(Array.from({ length: 20 }, () => rejection(rt.go('raise', 'error'))))
    expect(rt.numGoroutine()).toBe(0)
  })
})

describe('how work is shared', () => {
  test('RT-3 as many run at the same time as there are workers', async () => {
    const rt = await start({ procs: 3 })
    const cell = new AtomicI32(0, { arena: rt.arena })
    for (let round = 0; round < 10; round++) {
      cell.store(0)
      await Promise.all([0, 1, 2].map((p) => rt.go('takeTurns', cell, p, 3, 3)))
      expect(cell.load()).toBe(9)
    }
    cell.dispose()
  })

  test('RT-3 likewise tasks of a task, after some load', async () => {
    const rt = await start({ procs: 3 })
    const cell = new AtomicI32(0, { arena: rt.arena })
    await Promise.all(Array.from({ length: 2000 }, (_, i) => rt.go('add', i, i)))
    for (let round = 0; round < 10; round++) {
      cell.store(0)
      await rt.go('takeTurnsNested', cell, 3, 3)
      expect(cell.load()).toBe(9)
    }
    cell.dispose()
  })

  test('RT-4 what one worker has spawned, others run too', async () => {
    const rt = await start({ procs: 3 })
    expect((await rt.go('spread', 60, 5)).length).toBeGreaterThanOrEqual(2)
  })

  test('RT-4 a task that blocks its thread keeps nothing else: others take what is queued behind it', async () => {
    const rt = await start()
    const started = performance.now()
    const long = rt.go('block', 1500)
    await until(() => long.state === 'running', 'the long one')
    const others = await Promise.all(Array.from({ length: 200 }, () => rt.go('worker')))
    expect(performance.now() - started).toBeLessThan(1400)
    expect(new Set(others).size).toBe(1)
    expect(others[0]).not.toBe(await long)
  })

  test('RT-4 nor what it has spawned itself', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    const spawner = rt.go('spawnAndBlock', 50, cell, 1500)
    await until(() => cell.load() === 50, 'the tasks of a task that blocks', 1300)
    expect(spawner.state).toBe('running')
    await spawner
    await rt.drain()
    cell.dispose()
  })

  test('RT-5 one that polls and gives way lets others progress', async () => {
    const rt = await start({ procs: 1 })
    const ch = channel(f64, { capacity: 1, arena: rt.arena })
    const ready = new AtomicI32(0, { arena: rt.arena })
    const poller = rt.go('poll', ch, ready)
    await until(() => ready.load() === 1, 'the poller')
    expect(await elapsed(() => rt.go('sendAll', ch, 1))).toBeLessThan(2000)
    expect(await poller).toBe(0)
    ch.dispose()
    ready.dispose()
  })

  test('RT-6 a pinned task stays with its worker, whatever it waits for', async () => {
    const rt = await start()
    const to = channel(f64, { capacity: 1, arena: rt.arena })
    const fro = channel(f64, { arena: rt.arena })
    const tasks = [rt.on(0).go('handOff', to, fro, 10), rt.on(1).go('handOff', fro, to, 10)]
    const light = Array.from({ length: 100 }, (_, i) => rt.go('add', i, 1))
    await to.send(0)
    expect((await Promise.all(light)).length).toBe(100)
    const [a, b] = await Promise.all(tasks)
    expect([a, b]).toEqual([
      { worker: 0, threads: 1 },
      { worker: 1, threads: 1 },
    ])
    to.dispose()
    fro.dispose()
  })

  test('RT-6 pinned tasks run on their worker alone, in the order in which they were spawned', async () => {
    const rt = await start()
    const ran = await Promise.all(Array.from({ length: 300 }, (_, i) => rt.on(i % 2).go('worker')))
    expect(ran.every((worker, i) => worker === i % 2)).toBe(true)
    const ch = channel(f64, { capacity: 100, arena: rt.arena })
    await Promise.all(Array.from({ length: 100 }, (_, i) => rt.on(1).go('sendSync', ch, i)))
    const got = []
    for (let i = 0; i < 100; i++) got.push(ch.tryReceive())
    expect(got).toEqual(Array.from({ length: 100 }, (_, i) => i))
    ch.dispose()
    expect(await rt.on(0).go('spawnOn', 1, 'worker')).toBe(1)
    for (const wrong of [-1, 2, 1.5, Number.NaN, '0', undefined]) {
      expect(thrown(() => rt.on(wrong as number))).toBeInstanceOf(RangeError)
    }
  })

  test('RT-7 heavy pairs and light ones on one worker: each comes to its turn', async () => {
    const rt = await start({ procs: 1 })
    const stop = new AtomicI32(0, { arena: rt.arena })
    const channels = Array.from({ length: 8 }, () => channel(f64, { capacity: 1, arena: rt.arena }))
    const tasks = [0, 2, 4, 6].flatMap((i) => {
      const [a, b] = [channels[i]!, channels[i + 1]!]
      const work = i < 4 ? 200_000 : 1000
      return [rt.go('pingPong', a, b, work, stop), rt.go('pingPong', b, a, work, stop)]
    })
    for (const i of [0, 2, 4, 6]) channels[i]!.trySend(1)
    await new Promise((resolve) => setTimeout(resolve, 500))
    stop.store(1)
    const counts = await Promise.all(tasks)
    const [least, most] = [Math.min(...counts), Math.max(...counts)]
    expect(least).toBeGreaterThan(0)
    expect(most / least).toBeLessThan(20)
    for (const each of [...channels, stop]) each.dispose()
  })

  test('RT-28 a worker blocks, the main thread awaits: they meet', async () => {
    const rt = await start()
    const ch = channel(f64, { arena: rt.arena })
    const sends = rt.go('sendSync', ch, 5)
    expect(await ch.receive()).toBe(5)
    await sends
    const receives = rt.go('receiveSync', ch)
    await ch.send(6)
    expect(await receives).toBe(6)
    ch.dispose()
  })
})

describe('drain', () => {
  test('waits for what tasks have spawned, too', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    await rt.drain()
    for (let i = 0; i < 10; i++) rt.go('spawnAndLeave', 20, cell, 10)
    await rt.drain()
    expect([cell.load(), rt.numGoroutine()]).toEqual([200, 0])
    await Promise.all([rt.drain(), rt.drain()])
    cell.dispose()
  })

  test('again and again, for tasks as short as they get', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    for (let i = 1; i <= 200; i++) {
      void rt.go('touch', cell)
      await rt.drain()
      expect(cell.load()).toBe(i)
    }
    cell.dispose()
  })

  test('waits for tasks of another thread, even if that does not look at their end', async () => {
    const rt = await start()
    const cell = new AtomicI32(0, { arena: rt.arena })
    const there = spawn(
      ({ open, sleepSync }, handle, cellHandle) => {
        const [rt, cell] = [open(handle), open(cellHandle)]
        for (let i = 0; i < 50; i++) void rt.go('addLater', cell, 300)
        const seen = cell.load()
        // It has no turn of its event loop meanwhile.
        while (cell.load() < 51) sleepSync(5)
        return seen
      },
      rt.handle,
      cell.handle,
    )
    await until(() => rt.numGoroutine() > 0 || cell.load() > 0, 'tasks of another thread')
    await rt.drain()
    expect(cell.load()).toBe(50)
    cell.add(1)
    await there.ended
    cell.dispose()
  })

  test('resolves when the runtime is closed', async () => {
    const rt = await start()
    const task = rt.go('forever')
    const drained = rt.drain()
    await macrotask()
    await rt.close()
    await drained
    expect(await rejection(task)).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
    await expect(rt.drain()).rejects.toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
  })
})

describe('RT-24 close', () => {
  test('ends the workers whatever they are at; what has not ended rejects', async () => {
    const rt = await start()
    const { arena } = rt
    const tasks = [rt.go('spin'), rt.go('spin'), rt.go('forever')]
    await until(() => tasks[0]!.state === 'running' && tasks[1]!.state === 'running', 'running tasks')
    tasks.push(rt.on(1).go('identity', 5), rt.go('identity', new Uint8Array(5000)))
    await rt.close()
    for (const task of tasks) {
      expect(await rejection(task)).toMatchObject({ name: 'RuntimeClosedError', code: 'ERR_RUNTIME_CLOSED' })
      expect(task.state).toBe('terminated')
    }
    await expectEmpty(arena)
  })

  test('once; then nothing goes any more', async () => {
    const rt = await start()
    const closing = rt.close()
    expect(rt.close()).toBe(closing)
    const closed = { code: 'ERR_RUNTIME_CLOSED' }
    for (const call of [
      () => rt.go('add', 1, 2),
      () => rt.go('nope' as never),
      () => rt.on(0),
      () => rt.handle,
      () => rt.go('echo', 'message'),
    ]) {
      expect(thrown(call)).toMatchObject(closed)
    }
    await expect(rt.drain()).rejects.toMatchObject(closed)
    await expect(rt.maxProcs(1)).rejects.toMatchObject(closed)
    await closing
    expect(thrown(() => rt.go('add', 1, 2))).toMatchObject(closed)
    expect([rt.procs, rt.numGoroutine(), numGoroutine()]).toEqual([2, 0, 1])
    await rt.close()
  })

  test('await using closes it', async () => {
    const rt = await start()
    {
      await using own = rt
      void own
    }
    expect(thrown(() => rt.go('add', 1, 2))).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
  })

  test('what has ended before is not touched', async () => {
    const rt = await start()
    const tasks = Array.from({ length: 500 }, (_, i) => rt.go('add', i, 0))
    await until(() => rt.numGoroutine() === 0, 'the end of all')
    await rt.close()
    expect(await Promise.all(tasks)).toEqual(Array.from({ length: 500 }, (_, i) => i))
  })

  test('in the middle of everything, many times: nothing is left', async () => {
    for (let round = 0; round < 8; round++) {
      const rt = await start()
      const { arena } = rt
      const tasks = Array.from({ length: 400 }, (_, i) =>
        i % 4 === 0
          ? rt.go('echo', 'x'.repeat(i * 10))
          : i % 4 === 1
            ? rt.go('fib', 5)
            : i % 4 === 2
              ? rt.go('sleep', 3)
              : rt.on(i % 2).go('add', i, 1),
      )
      await new Promise((resolve) => setTimeout(resolve, round * 3))
      await rt.close()
      for (const { status, ...rest } of await Promise.allSettled(tasks)) {
        if (status === 'rejected')
          expect((rest as { reason: unknown }).reason).toMatchObject({ code: 'ERR_RUNTIME_CLOSED' })
      }
      await expectEmpty(arena)
    }
  })

  test('not by a task of its own', async () => {
    const rt = await start()
    expect(await rejection(rt.go('closeOwnRuntime'))).toBeInstanceOf(TypeError)
    expect(await rt.go('add', 1, 2)).toBe(3)
  })
})
