import { Arena, channel, f64, recv, SingleFlight, select, trySelect } from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'
import { elapsed, expectPending, isPending, macrotask, rejection, sleep, thrown } from './support/probe.js'

noComplaints()

/** A promise and its end. */
function deferred<T>(): { promise: Promise<T>; resolve(value: T): void; reject(error: unknown): void } {
  let resolve!: (value: T) => void
  let reject!: (error: unknown) => void
  const promise = new Promise<T>((yes, no) => {
    resolve = yes
    reject = no
  })
  return { promise, resolve, reject }
}

describe('do', () => {
  test('SF-1 gives the value of the function, of any kind', async () => {
    const flights = new SingleFlight<string, unknown>()
    expect(await flights.do('key', () => 'bar')).toEqual({ value: 'bar', shared: false })
    expect(await flights.do('key', async () => 'bar')).toEqual({ value: 'bar', shared: false })
    for (const value of [undefined, null, 0, false])
      expect(await flights.do('key', () => value)).toEqual({ value, shared: false })
  })

  test('SF-1 gives the error of the function, thrown or by its promise', async () => {
    const flights = new SingleFlight<string, number>()
    const error = new Error('some error')
    expect(
      await rejection(
        flights.do('key', () => {
          throw error
        }),
      ),
    ).toBe(error)
    expect(await rejection(flights.do('key', () => Promise.reject(error)))).toBe(error)
    expect(await rejection(flights.do('key', () => Promise.reject(undefined)))).toBe(undefined)
  })

  test('SF-2 ten calls at the same time are one, and all know it', async () => {
    const flights = new SingleFlight<string, string>()
    const end = deferred<string>()
    let calls = 0
    const all = Array.from({ length: 10 }, () =>
      flights.do('key', () => {
        calls++
        return end.promise
      }),
    )
    await expectPending(...all)
    end.resolve('bar')
    expect(await Promise.all(all)).toEqual(Array(10).fill({ value: 'bar', shared: true }))
    expect(calls).toBe(1)
  })

  test('SF-2 one call after the other is a new one each', async () => {
    const flights = new SingleFlight<string, number>()
    let calls = 0
    for (let i = 1; i <= 3; i++)
      expect(await flights.do('key', async () => ++calls)).toEqual({ value: i, shared: false })
  })

  test('other keys are other calls, compared as those of a Map', async () => {
    const flights = new SingleFlight<unknown, number>()
    let calls = 0
    const slow = async (): Promise<number> => {
      await sleep(5)
      return ++calls
    }
    const object = {}
    const keys = [1, '1', Number.NaN, object, {}, Number.NaN, object, 0, -0]
    const values = (await Promise.all(keys.map((key) => flights.do(key, slow)))).map(({ value }) => value)
    expect(values).toEqual([1, 2, 3, 4, 5, 3, 4, 6, 6])
  })

  test('SF-3 after forget the next call is a new one, and later callers join the newest', async () => {
    const flights = new SingleFlight<string, number>()
    const [first, second] = [deferred<number>(), deferred<number>()]
    const one = flights.do('key', () => first.promise)
    flights.forget('key')
    const two = flights.do('key', () => second.promise)
    // The end of the forgotten call does not end what others wait for.
    first.resolve(1)
    expect(await one).toEqual({ value: 1, shared: false })
    const three = flights.do('key', () => 3)
    expect(await isPending(three)).toBe(true)
    second.resolve(2)
    expect(await two).toEqual({ value: 2, shared: true })
    expect(await three).toEqual({ value: 2, shared: true })
    flights.forget('key') // of what is not under way: nothing happens
  })

  test('SF-5 what the function throws all five callers get, and nobody hangs', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<never>()
    const all = Array.from({ length: 5 }, () => flights.do('key', () => end.promise))
    const error = new Error('invalid memory address or nil pointer dereference')
    end.reject(error)
    for (const each of all) expect(await rejection(each)).toBe(error)
    expect(await flights.do('key', () => 1)).toEqual({ value: 1, shared: false })
  })

  test('the call begins at once, and a call of its own key joins it', async () => {
    const flights = new SingleFlight<string, number>()
    let inner: Promise<unknown> | undefined
    const outer = flights.do('key', () => {
      inner = flights.do('key', () => 2)
      return 1
    })
    expect(inner).toBeInstanceOf(Promise)
    expect(await outer).toEqual({ value: 1, shared: true })
    expect(await inner).toEqual({ value: 1, shared: true })
  })
})

describe('limits of one caller', () => {
  test('a timeout leaves the call to the others', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<number>()
    const first = flights.do('key', () => end.promise, { timeout: 10 })
    const second = flights.do('key', () => 2)
    expect(await elapsed(() => rejection(first))).toBeGreaterThanOrEqual(8)
    expect(await rejection(first)).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT' })
    end.resolve(1)
    // The first one is gone.
    expect(await second).toEqual({ value: 1, shared: false })
  })

  test('an abort leaves the call to the others', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<number>()
    const controller = new AbortController()
    const reason = new Error('enough')
    const first = flights.do('key', () => end.promise)
    const second = flights.do('key', () => 2, { signal: controller.signal })
    controller.abort(reason)
    expect(await rejection(second)).toBe(reason)
    end.resolve(1)
    expect(await first).toEqual({ value: 1, shared: false })
  })

  test('a call that all have left can be joined, and its error is handled', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<number>()
    expect((await rejection(flights.do('key', () => end.promise, { timeout: 1 }))).code).toBe('ERR_TIMEOUT')
    const late = flights.do('key', () => 2, { timeout: 1 })
    expect((await rejection(late)).code).toBe('ERR_TIMEOUT')
    end.reject(new Error('nobody hears it'))
    await macrotask()
    expect(await flights.do('key', () => 3)).toEqual({ value: 3, shared: false })
  })

  test('an abort by the function itself', async () => {
    const flights = new SingleFlight<string, number>()
    const controller = new AbortController()
    const gone = flights.do(
      'key',
      () => {
        controller.abort(new Error('by itself'))
        return 1
      },
      { signal: controller.signal },
    )
    expect((await rejection(gone)).message).toBe('by itself')
  })

  test('what is aborted before, or has no time, calls nothing', async () => {
    const flights = new SingleFlight<string, number>()
    let calls = 0
    const count = (): number => ++calls
    const reason = new Error('before')
    expect(await rejection(flights.do('key', count, { signal: AbortSignal.abort(reason) }))).toBe(reason)
    expect((await rejection(flights.do('key', count, { timeout: 0 }))).code).toBe('ERR_TIMEOUT')
    expect((await rejection(flights.do('key', count, { timeout: '1' as never }))).code).toBe('ERR_INVALID_ARG_TYPE')
    expect(calls).toBe(0)
  })

  test('listeners are taken off the signal', async () => {
    const flights = new SingleFlight<number, number>()
    const { signal } = new AbortController()
    let listeners = 0
    const [add, remove] = [signal.addEventListener, signal.removeEventListener]
    signal.addEventListener = (...args: unknown[]) => {
      listeners++
      add.apply(signal, args as never)
    }
    signal.removeEventListener = (...args: unknown[]) => {
      listeners--
      remove.apply(signal, args as never)
    }
    await Promise.all(Array.from({ length: 20 }, (_, i) => flights.do(i % 2, async () => i, { signal })))
    expect(listeners).toBe(0)
  })
})

describe('doChan', () => {
  test('SF-4 delivers one result, and is not closed', async () => {
    const flights = new SingleFlight<string, string>()
    const ch = flights.doChan('key', async () => 'bar')
    expect(ch.tryReceive()).toBe(undefined)
    expect(await ch.receive()).toEqual({ ok: true, value: 'bar', shared: false })
    expect(ch.closed).toBe(false)
    await expectPending(ch.receive({ timeout: 1000 }).catch(() => {}))
    expect(ch.tryNext()).toBe(undefined)
  })

  test('SF-4 the result waits for who receives it', async () => {
    const flights = new SingleFlight<string, string>()
    const ch = flights.doChan('key', () => 'bar')
    await macrotask()
    expect(ch.receiveSync({ timeout: 0 })).toEqual({ ok: true, value: 'bar', shared: false })
    expect(ch.tryReceive()).toBe(undefined)
  })

  test('SF-5 an error is a result', async () => {
    const flights = new SingleFlight<string, number>()
    for (const error of [new Error('some error'), undefined]) {
      const ch = flights.doChan('key', () => {
        throw error
      })
      const shared = flights.do('key', () => 1)
      expect(await rejection(shared)).toBe(error)
      expect(await ch.receive()).toEqual({ ok: false, error, shared: true })
    }
    // Nobody receives this one.
    flights.doChan('key', () => Promise.reject(new Error('nobody hears it')))
  })

  test('each caller has a channel of its own, and joins those of do', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<number>()
    const channels = [1, 2, 3].map(() => flights.doChan('key', () => end.promise))
    const promise = flights.do('key', () => 2)
    end.resolve(1)
    for (const ch of channels) expect(await ch.receive()).toEqual({ ok: true, value: 1, shared: true })
    expect(await promise).toEqual({ value: 1, shared: true })
    expect(channels.map((ch) => ch.tryReceive())).toEqual([undefined, undefined, undefined])
  })

  test('in a select, beside channels and time limits', async () => {
    const flights = new SingleFlight<string, number>()
    const other = channel(f64, { arena: new Arena({ size: 2 ** 20 }) })
    const end = deferred<number>()
    const result = flights.doChan('key', () => end.promise)
    expect(trySelect({ result: recv(result) })).toBe(undefined)
    expect((await rejection(select({ result: recv(result), other: recv(other) }, { timeout: 5 }))).code).toBe(
      'ERR_TIMEOUT',
    )
    const first = select({ result: recv(result), other: recv(other) })
    const second = select({ result: recv(result) }, { timeout: 50 })
    end.resolve(1)
    const hit = await first
    expect(hit).toEqual({ case: 'result', value: { ok: true, value: 1, shared: false }, done: false })
    // There was one.
    expect((await rejection(second)).code).toBe('ERR_TIMEOUT')
    const again = flights.doChan('key', () => 2)
    await macrotask()
    expect(trySelect({ result: recv(again) })?.value).toEqual({ ok: true, value: 2, shared: false })
    expect(trySelect({ result: recv(again) })).toBe(undefined)
    other.dispose()
  })

  test('who waits comes first, in order; who has left gets nothing', async () => {
    const flights = new SingleFlight<string, number>()
    const end = deferred<number>()
    const ch = flights.doChan('key', () => end.promise)
    const left = ch.receive({ timeout: 1 })
    const first = ch.receive({ timeout: 1000 })
    const second = ch.receive({ timeout: 50 })
    expect((await rejection(left)).code).toBe('ERR_TIMEOUT')
    end.resolve(1)
    expect(await first).toMatchObject({ ok: true, value: 1 })
    expect((await rejection(second)).code).toBe('ERR_TIMEOUT')
  })
})

test('what is no function is refused', async () => {
  const flights = new SingleFlight<string, number>()
  const error = await rejection(flights.do('key', 5 as never))
  expect(error).toMatchObject({ code: 'ERR_INVALID_ARG_TYPE', message: 'do takes a key and a function, not 5' })
  expect(thrown(() => flights.doChan('key', undefined as never))).toMatchObject({
    code: 'ERR_INVALID_ARG_TYPE',
    message: 'doChan takes a key and a function, not undefined',
  })
  expect(await flights.do('key', () => 1)).toEqual({ value: 1, shared: false })
})
