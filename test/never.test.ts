import { f64 } from 'millrace'
import { expect, test } from 'vitest'
import { merging } from './conformance/merge.js'
import { nothing } from './conformance/never.js'
import { selecting } from './conformance/subject.js'
import { thrown } from './support/probe.js'

const subject = selecting()
nothing(subject)
merging(subject)

test('CHAN-12 never equals itself, and no channel', () => {
  const { never, make } = subject
  expect(never.equals(never)).toBe(true)
  for (const other of [make(f64), make(f64, 1).receiver, undefined, null, {}]) expect(never.equals(other)).toBe(false)
})

test('NEVER-7 blocking calls on it time out', () => {
  const { never } = subject
  for (const timeout of [0, 15]) {
    for (const wait of [
      () => never.receiveSync({ timeout }),
      () => never.nextSync({ timeout }),
      () => never.sendSync(1, { timeout }),
    ]) {
      const start = performance.now()
      expect(thrown(wait)).toMatchObject({ name: 'TimeoutError', code: 'ERR_TIMEOUT' })
      expect(performance.now() - start).toBeGreaterThanOrEqual(timeout)
    }
  }
})
