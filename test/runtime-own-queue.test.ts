// What a worker spawns while it is at rest: nobody rings its bell for that, since it is the one that does it.

import { type Runtime, runtime } from 'millrace'
import { afterEach, describe, expect, it } from 'vitest'

const TASKS = new URL('./support/own-queue-tasks.mjs', import.meta.url)

interface Tasks {
  echo(value: number): number
  inTurn(n: number): Promise<number>
  later(value: number): Promise<number>
}

describe('a worker at rest that spawns', () => {
  let rt: Runtime<Tasks>
  afterEach(() => rt.close())

  it.each([1, 2])('of %d: runs what its timers spawn, or another one does', async (procs) => {
    rt = await runtime<Tasks>(TASKS, { procs })
    for (let worker = 0; worker < procs; worker++) {
      expect(await rt.on(worker).go('later', worker + 1)).toBe(worker + 1)
    }
  })

  it.each([1, 2])(
    'of %d: runs what its tasks spawn one after another, then takes new ones from outside',
    async (procs) => {
      rt = await runtime<Tasks>(TASKS, { procs })
      for (let round = 0; round < 20; round++) {
        expect(await rt.go('inTurn', 10)).toBe(45)
        expect(await rt.go('echo', round)).toBe(round)
      }
    },
  )
})
