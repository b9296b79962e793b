// The timer heap, against a sorted array, with a clock and an alarm that only the test moves.

import { afterEach, describe, expect, test, vi } from 'vitest'
import { type TimerHeap as Heap, TimerEntry, TimerHeap } from '../src/timer-heap.js'
import { random } from './support/random.js'
import { rounds } from './support/settings.js'

let now = 0

/** A platform's timer that rings when the test says so. */
class ManualAlarm {
  /** When it is to ring; Infinity if it is not set. */
  at = Number.POSITIVE_INFINITY
  holding = false
  sets: number[] = []
  ring = (): void => {}

  set(ms: number): void {
    this.at = now + ms
    this.sets.push(ms)
  }

  hold(holding: boolean): void {
    this.holding = holding
  }
}

function makeHeap(): { heap: Heap; alarm: ManualAlarm; advance(to: number): void } {
  now = 0
  vi.spyOn(performance, 'now').mockImplementation(() => now)
  const alarm = new ManualAlarm()
  const heap = new TimerHeap((ring) => {
    alarm.ring = ring
    return alarm
  })
  return {
    heap,
    alarm,
    advance(to) {
      while (alarm.at <= to) {
        now = Math.max(now, alarm.at)
        alarm.at = Number.POSITIVE_INFINITY
        alarm.ring()
      }
      now = to
    },
  }
}

afterEach(() => {
  vi.restoreAllMocks()
})

describe('the timer heap', () => {
  test.each([1, 2, 3, 4, 5, 6, 7, 8])('random operations agree with a sorted array (%d)', (round) => {
    const rng = random(`heap ${round}`)
    const { heap } = makeHeap()
    const fired: number[] = []
    const entries = Array.from({ length: 200 }, (_, i) => new TimerEntry(() => fired.push(i), i % 3 === 0))
    let model: { i: number; at: number; order: number }[] = []
    let order = 0
    for (let step = 0; step < rounds(5000); step++) {
      const i = rng.below(entries.length)
      const entry = entries[i] as TimerEntry
      const known = model.some((each) => each.i === i)
      const kind = rng.below(10)
      if (kind < 6) {
        // Few different times, so that many are equal.
        const at = now + rng.below(50) - 5
        model = model.filter((each) => each.i !== i)
        model.push({ i, at, order: order++ })
        heap.set(entry, at)
      } else if (kind < 9) {
        expect(heap.remove(entry)).toBe(known)
        model = model.filter((each) => each.i !== i)
      } else {
        now += rng.below(10)
        const due = model.filter(({ at }) => at <= now).sort((a, b) => a.at - b.at || a.order - b.order)
        model = model.filter(({ at }) => at > now)
        heap.runDue(now)
        expect(fired.splice(0)).toEqual(due.map(({ i }) => i))
      }
      expect(heap.size).toBe(model.length)
      expect(heap.earliest).toBe(Math.min(...model.map(({ at }) => at)))
    }
    heap.runDue(now + 1000)
    expect(fired).toEqual(model.sort((a, b) => a.at - b.at || a.order - b.order).map(({ i }) => i))
    expect(heap.size).toBe(0)
  })

  test('the alarm fires everything in order, and nothing early', () => {
    const rng = random('heap alarm')
    const { heap, advance } = makeHeap()
    const fired: number[] = []
    const times = Array.from({ length: 1000 }, () => rng.next() * 500)
    for (const at of times) {
      const entry = new TimerEntry(() => {
        expect(now).toBeGreaterThanOrEqual(at)
        expect(now).toBeLessThan(at + 1)
        fired.push(at)
      })
      heap.set(entry, at)
    }
    advance(600)
    expect(fired).toEqual(times.sort((a, b) => a - b))
  })

  test('there is one alarm: set anew for an earlier entry only', () => {
    const { heap, alarm, advance } = makeHeap()
    const fire = vi.fn()
    const [a, b, c] = [new TimerEntry(fire), new TimerEntry(fire), new TimerEntry(fire)]
    heap.set(a, 100)
    heap.set(b, 200)
    heap.set(c, 50.5)
    expect(alarm.sets).toEqual([100, 51])
    heap.remove(c)
    heap.set(c, 60)
    expect(alarm.sets).toEqual([100, 51])
    advance(55)
    expect(fire).not.toHaveBeenCalled()
    expect(alarm.sets).toEqual([100, 51, 9])
    advance(1000)
    expect(fire).toHaveBeenCalledTimes(3)
    expect(alarm.sets).toEqual([100, 51, 9, 40, 100])
  })

  test('it holds the process while an entry wants that, and no longer', () => {
    const { heap, alarm, advance } = makeHeap()
    const [idle, first, second] = [false, true, true].map((keeps) => new TimerEntry(() => {}, keeps)) as TimerEntry[]
    heap.set(idle as TimerEntry, 10)
    expect(alarm.holding).toBe(false)
    heap.set(first as TimerEntry, 20)
    heap.set(second as TimerEntry, 30)
    heap.set(second as TimerEntry, 40)
    expect(alarm.holding).toBe(true)
    heap.remove(first as TimerEntry)
    expect(alarm.holding).toBe(true)
    advance(39)
    expect(alarm.holding).toBe(true)
    advance(41)
    expect(alarm.holding).toBe(false)
    heap.set(first as TimerEntry, 60)
    heap.set(first as TimerEntry, Number.POSITIVE_INFINITY)
    expect([alarm.holding, heap.size, heap.remove(first as TimerEntry)]).toEqual([false, 0, false])
  })

  test('times beyond 2^31 - 1 ms are reached in several steps', () => {
    const { heap, alarm, advance } = makeHeap()
    const fire = vi.fn()
    heap.set(new TimerEntry(fire), 2 ** 33)
    expect(alarm.sets).toEqual([2 ** 31 - 1])
    advance(2 ** 33 - 1)
    expect(fire).not.toHaveBeenCalled()
    expect(Math.max(...alarm.sets)).toBe(2 ** 31 - 1)
    advance(2 ** 33)
    expect(fire).toHaveBeenCalledTimes(1)
  })

  test('an alarm that rings early is set again', () => {
    const { heap, alarm } = makeHeap()
    const fire = vi.fn()
    heap.set(new TimerEntry(fire), 10)
    now = 9.7
    alarm.ring()
    expect(fire).not.toHaveBeenCalled()
    expect(alarm.sets).toEqual([10, 1])
  })

  test('what is set while others fire waits for the next round, though it is due', () => {
    const { heap, advance } = makeHeap()
    let count = 0
    const again = new TimerEntry(() => {
      if (++count < 5) heap.set(again, now)
    })
    heap.set(again, 0)
    heap.runDue()
    expect(count).toBe(1)
    advance(0)
    expect(count).toBe(5)
  })

  test('entries may remove and move each other while they fire', () => {
    const { heap, advance } = makeHeap()
    const fired: string[] = []
    const removed = new TimerEntry(() => fired.push('removed'))
    const moved = new TimerEntry(() => fired.push('moved'))
    const first = new TimerEntry(() => {
      fired.push('first')
      heap.remove(removed)
      heap.set(moved, 20)
    })
    heap.set(first, 5)
    heap.set(removed, 5)
    heap.set(moved, 6)
    advance(10)
    expect(fired).toEqual(['first'])
    advance(20)
    expect(fired).toEqual(['first', 'moved'])
  })

  test('an entry that throws does not stop the clock', () => {
    const { heap, alarm, advance } = makeHeap()
    const fire = vi.fn()
    heap.set(
      new TimerEntry(() => {
        throw new Error('on purpose')
      }),
      1,
    )
    heap.set(new TimerEntry(fire), 1)
    now = 1
    expect(alarm.ring).toThrow('on purpose')
    advance(2)
    expect(fire).toHaveBeenCalledTimes(1)
  })
})
