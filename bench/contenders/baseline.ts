import * as baseline from '../baseline/index.js'
import { Pool } from '../baseline/runtime/pool.js'
import * as sync from '../baseline/sync/index.js'
import type { Contender } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { poolRows } from '../runtime/pool.js'
import { type SyncClasses, syncLibrary } from '../sync/library.js'
import { isSyncMicro, syncMicro } from '../sync/micro.js'
import { syncContender } from '../sync/threads.js'
import { type ValueChannel, valueContender } from '../values/library.js'
import { type Library, libraryContender } from './library.js'

const numbers = libraryContender(baseline as unknown as Library)
const values = valueContender({
  channel: (_, style, capacity) => baseline.records(style, { capacity }) as ValueChannel,
  open: (handle) => baseline.open(handle as baseline.RecordsHandle) as ValueChannel,
})

const locks = syncLibrary(sync as SyncClasses, (capacity) => new sync.ShardedMap({ capacity }))
const meetings = syncContender(locks)

function player({ kind }: Job): Pick<Contender, 'prepare' | 'part'> {
  if (kind === 'sync') return meetings
  return kind === 'value' ? values : numbers
}

const tasks = new URL('../runtime/tasks.js', import.meta.url)

const contender: Contender = {
  run: poolRows(async ({ task, threads }) => {
    const pool = await Pool.open(tasks, threads)
    return (value) => pool.run(task, value) as Promise<number>
  }),
  prepare: (job) => player(job).prepare(job),
  part: (job, index, gift) => player(job).part(job, index, gift),
  micro: (style, capacity) => (isSyncMicro(style) ? syncMicro(locks, style) : numbers.micro(style, capacity)),
}

export default contender
