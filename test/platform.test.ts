// What the library says where the platform lacks something. Node lacks nothing, so the tests take it away.

import { Arena, BlockingNotAllowedError, channel, f64, UnsupportedError } from 'millrace'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { platform as web } from '../dist/platform/web.js'
import { sleep, thrown, until } from './support/probe.js'

afterEach(() => {
  vi.unstubAllGlobals()
})

describe('no shared memory', () => {
  test('a page that is not cross-origin isolated is told which headers are missing', () => {
    vi.stubGlobal('crossOriginIsolated', false)
    const error = thrown(() => new Arena())
    expect(error).toBeInstanceOf(UnsupportedError)
    expect(error.code).toBe('ERR_UNSUPPORTED')
    expect(error.message).toContain('Cross-Origin-Opener-Policy: same-origin')
    expect(error.message).toContain('Cross-Origin-Embedder-Policy: require-corp')
  })

  test('an isolated page may go on', () => {
    vi.stubGlobal('crossOriginIsolated', true)
    expect(new Arena({ size: 2 ** 20 }).size).toBe(2 ** 20)
  })

  test('a platform without SharedArrayBuffer, or without WebAssembly, is named as such', () => {
    vi.stubGlobal('SharedArrayBuffer', undefined)
    expect(thrown(() => new Arena())).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: expect.stringContaining('SharedArrayBuffer'),
    })
    vi.unstubAllGlobals()
    vi.stubGlobal('WebAssembly', undefined)
    expect(thrown(() => new Arena())).toMatchObject({
      code: 'ERR_UNSUPPORTED',
      message: expect.stringContaining('WebAssembly'),
    })
  })
})

describe('the web platform', () => {
  test('its timer rings once, at what was set last, and a turn comes later', async () => {
    const events: string[] = []
    const alarm = web.createAlarm(() => events.push('ring'))
    alarm.hold(true)
    alarm.set(60_000)
    alarm.set(5)
    alarm.hold(false)
    web.nextTurn(() => events.push('turn'))
    expect(events).toEqual([])
    await until(() => events.length === 2)
    await sleep(20)
    expect(events.sort()).toEqual(['ring', 'turn'])
  })
})

describe('a thread that must not block', () => {
  const arena = new Arena({ size: 2 ** 20 })
  ;(arena as unknown as { canBlock: boolean }).canBlock = false
  const ch = channel(f64, { capacity: 2, arena })
  const into = new Float64Array(1)

  test.each([
    ['sendSync', 'send', () => ch.sendSync(1)],
    ['sendSync', 'send', () => ch.sendSync(1, { timeout: 0 })],
    ['receiveSync', 'receive', () => ch.receiveSync()],
    ['receiveSync', 'receive', () => ch.receiveSync({ timeout: 0 })],
    ['nextSync', 'next', () => ch.nextSync()],
    ['sendManySync', 'sendMany', () => ch.sendManySync([1])],
    ['receiveManySync', 'receiveMany', () => ch.receiveManySync(into)],
    ['nextSync', 'next', () => [...ch.sync()]],
  ])('%s is refused, and names %s, even where it need not wait', (name, twin, call) => {
    for (const values of [[], [1]]) {
      ch.trySendMany(values)
      const error = thrown(call)
      expect(error).toBeInstanceOf(BlockingNotAllowedError)
      expect(error.code).toBe('ERR_BLOCKING_NOT_ALLOWED')
      expect(error.message).toContain(`${name}()`)
      expect(error.message).toContain(twin)
      expect(ch.length).toBe(values.length)
      for (const _ of ch.available());
    }
  })

  test('everything else works there', async () => {
    const receiving = ch.receive()
    await ch.send(1)
    expect(await receiving).toBe(1)
    expect(ch.trySend(2)).toBe(true)
    for await (const v of ch) {
      expect(v).toBe(2)
      break
    }
  })
})
