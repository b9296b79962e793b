import * as millrace from 'millrace'
import type { Contender } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { type PipeLibrary, pipeContender } from '../scenarios/pipe.js'
import { type Library, libraryContender } from './library.js'
import { type ArenaChannel, type SelectLibrary, selectContender } from './library-select.js'
import { type LoopChannel, oneLoopContender } from './one-loop.js'

const library = millrace as unknown as Library & SelectLibrary & PipeLibrary

const threads = libraryContender(library)
const selects = selectContender(library)
const pipes = pipeContender(library)
const oneLoop = oneLoopContender<ArenaChannel & LoopChannel>({
  channel: (capacity) => library.channel(library.f64, { capacity }) as ArenaChannel & LoopChannel,
  selectReceive: (busy, quiet) => library.select({ busy: library.recv(busy), quiet: library.recv(quiet) }),
  bytesInUse: (channel) => channel.arena.stats().bytesInUse,
})

function player({ kind, style }: Job): Contender {
  if (style === 'pipe') return pipes
  return kind === 'select' ? selects : kind === 'loop' ? oneLoop : threads
}

const contender: Contender = {
  prepare: (job) => player(job).prepare(job),
  part: (job, index, gift) => player(job).part(job, index, gift),
  micro: threads.micro,
}

export default contender
