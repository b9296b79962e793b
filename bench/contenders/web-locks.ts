// The platform's own locks, `navigator.locks`: by name, among all threads of a process, only async. Node has them from version 24.5.

import { type Contender, type Outcome, share } from '../harness/contender.js'
import { Data, dataBuffer } from '../sync/data.js'

interface Locks {
  request(name: string, use: () => void): Promise<void>
}

const { locks } = (globalThis as unknown as { navigator: { locks: Locks } }).navigator
const NAME = 'millrace-bench'

const contender: Contender = {
  prepare(job) {
    const data = dataBuffer()
    return {
      gifts: Array.from({ length: job.producers }, () => ({ value: data })),
      finish: () => new Data(data).outcome(),
    }
  },

  part(job, index, gift) {
    if (job.style !== 'mutex-async') throw new Error(`no style ${job.style}`)
    const data = new Data(gift as SharedArrayBuffer)
    return () => lockAll(data, share(job, index).count)
  },

  micro(style) {
    if (style !== 'mutex-async') throw new Error(`no micro row ${style}`)
    let held = 0
    const use = (): void => {
      held++
    }
    return async (rounds) => {
      const before = held
      for (let round = 0; round < rounds; round++) await locks.request(NAME, use)
      if (held - before !== rounds) throw new Error('a lock was not given')
    }
  },
}

export default contender

async function lockAll(data: Data, count: number): Promise<Outcome> {
  const use = (): void => data.increment()
  for (let left = count; left > 0; left--) await locks.request(NAME, use)
  return { count, sum: 0 }
}
