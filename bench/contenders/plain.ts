import { PlainChannel } from '../baseline/plain-channel.js'
import { recv, select } from '../baseline/plain-select.js'
import type { Contender } from '../harness/contender.js'
import { plainRun } from '../runtime/plain.js'
import { oneLoopContender } from './one-loop.js'

const oneLoop = oneLoopContender<PlainChannel<number>>({
  channel: (capacity) => new PlainChannel<number>(capacity),
  selectReceive: (busy, quiet) =>
    select({ busy: recv(busy), quiet: recv(quiet) }) as Promise<{ value: number | undefined }>,
})

export default { ...oneLoop, run: plainRun } satisfies Contender
