// The soak's own judgement: what its messages hold, and when memory counts as flat. Whether the soak itself passes is for `npm run soak`.

import { describe, expect, it } from 'vitest'
import { contentsOf, LONGEST } from './stress/soak/contents.mjs'
import { judgeFlatness } from './stress/soak/flatness.mjs'
import { randomFrom } from './support/kit.mjs'

const MIB = 2 ** 20

describe('flatness', () => {
  const { next } = randomFrom(1)
  /** An hour, four samples a second, of memory that goes up and down as a collected heap does. */
  const samples = (level: (t: number) => number, noise = 40) =>
    Array.from({ length: 14_400 }, (_, i) => {
      const t = i / 4
      return { t, bytes: (level(t) + (((i * 7) % 100) / 100) * noise + next() * 3) * MIB }
    })

  it.each([
    ['a level', () => 300, true],
    ['a level with a wave', (t: number) => 300 + 10 * Math.sin(t / 90), true],
    ['a fall', (t: number) => 400 - t / 60, true],
    ['a leak of 20 MiB an hour', (t: number) => 300 + (20 * t) / 3600, false],
    ['a leak of 1 KiB a millisecond', (t: number) => 300 + t / 1.024, false],
    ['a step that stays', (t: number) => (t < 1800 ? 300 : 400), false],
  ])('%s', (_, level, flat) => {
    expect(judgeFlatness(samples(level)).flat).toBe(flat)
  })

  it('tells the slope', () => {
    const { slope } = judgeFlatness(samples((t) => 300 + t))
    expect(slope / MIB).toBeCloseTo(1, 2)
  })
})

describe('contents', () => {
  const contents = contentsOf(5)
  const sizes = Array.from({ length: 20_000 }, (_, seq) => contents.size(0, seq))

  it('are of all sizes', () => {
    expect(Math.min(...sizes)).toBe(0)
    expect(Math.max(...sizes)).toBe(LONGEST)
    expect(sizes.filter((size) => size < 64).length).toBeGreaterThan(4000)
    expect(sizes.filter((size) => size > 65_536).length).toBeGreaterThan(2000)
    const texts = Array.from({ length: 300 }, (_, seq) => contents.text(0, seq).length)
    expect(Math.min(...texts)).toBe(0)
    expect(Math.max(...texts)).toBeGreaterThan(65_536)
  })

  it('are the same for everybody, and different for each message', () => {
    const other = contentsOf(5)
    for (let seq = 0; seq < 50; seq++) {
      expect(contents.sameBytes(other.bytes(1, seq), 1, seq)).toBe(true)
      expect(contents.text(1, seq)).toBe(other.text(1, seq))
      expect(contents.text(1, seq)).toBe(contents.text(1, seq).toWellFormed())
      expect(contents.same(contents.tree(1, seq), other.tree(1, seq))).toBe(true)
      expect(contents.same(contents.tree(1, seq), other.tree(1, seq + 1))).toBe(false)
    }
  })

  it('show a single wrong byte', () => {
    const seq = sizes.findIndex((size) => size > 100_000)
    const copy = contents.bytes(0, seq).slice()
    expect(contents.sameBytes(copy, 0, seq)).toBe(true)
    copy[copy.length - 7] ^= 1
    expect(contents.sameBytes(copy, 0, seq)).toBe(false)
    expect(contents.sameBytes(copy.subarray(1), 0, seq)).toBe(false)
  })
})
