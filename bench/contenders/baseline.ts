import * as baseline from '../baseline/index.js'
import type { Contender } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { type ValueChannel, valueContender } from '../values/library.js'
import { type Library, libraryContender } from './library.js'

const numbers = libraryContender(baseline as unknown as Library)
const values = valueContender({
  channel: (_, style, capacity) => baseline.records(style, { capacity }) as ValueChannel,
  open: (handle) => baseline.open(handle as baseline.RecordsHandle) as ValueChannel,
})

function player({ kind }: Job): Contender {
  return kind === 'value' ? values : numbers
}

const contender: Contender = {
  prepare: (job) => player(job).prepare(job),
  part: (job, index, gift) => player(job).part(job, index, gift),
  micro: numbers.micro,
}

export default contender
