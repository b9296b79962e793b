// A small run of the chaos of runtimes; `npm run stress -- --only runtime` runs more of it.

import { expect, test } from 'vitest'
import { runtimeChaos } from './stress/runtime-chaos.mjs'
import { noComplaints } from './support/complaints.js'
import { seed } from './support/random.js'
import { arenaOf, expectEmpty } from './support/runtimes.js'
import { rounds } from './support/settings.js'

noComplaints()

for (const [size, what] of [
  [16 * 2 ** 20, 'with memory enough'],
  [2 ** 20, 'in an arena of 1 MiB'],
] as const) {
  test(`every task of three spawners settles once, as it should, while workers are terminated: ${what}`, async () => {
    const arena = arenaOf(size)
    const { tasks, kills } = await runtimeChaos({ arena, count: rounds(6000), seed })
    expect(tasks).toBe(3 * rounds(6000))
    expect(kills).toBeGreaterThan(0)
    await expectEmpty(arena)
  }, 130_000)
}
