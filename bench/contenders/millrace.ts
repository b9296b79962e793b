import * as millrace from 'millrace'
import type { Contender } from '../harness/contender.js'
import type { Job } from '../harness/protocol.js'
import { millraceRun } from '../runtime/millrace.js'
import { type PipeLibrary, pipeContender } from '../scenarios/pipe.js'
import { askByChannels } from '../sync/ask.js'
import { type LibraryMap, type SyncClasses, syncLibrary } from '../sync/library.js'
import { isSyncMicro, syncMicro } from '../sync/micro.js'
import { syncContender } from '../sync/threads.js'
import { type ValueChannel, valueContender } from '../values/library.js'
import type { Shape } from '../values/payload.js'
import { type Library, libraryContender } from './library.js'
import { type ArenaChannel, type SelectLibrary, selectContender } from './library-select.js'
import { type LoopChannel, oneLoopContender } from './one-loop.js'

/** The codecs of the rows of values. */
interface Codecs {
  readonly u8: unknown
  readonly u32: unknown
  readonly bytes: unknown
  readonly string: unknown
  any(): unknown
  struct(fields: Record<string, unknown>): unknown
  fixedString(length: number): unknown
}

const library = millrace as unknown as Library & SelectLibrary & PipeLibrary & Codecs

const threads = libraryContender(library)
const selects = selectContender(library)
const pipes = pipeContender(library)
const oneLoop = oneLoopContender<ArenaChannel & LoopChannel>({
  channel: (capacity) => library.channel(library.f64, { capacity }) as ArenaChannel & LoopChannel,
  selectReceive: (busy, quiet) => library.select({ busy: library.recv(busy), quiet: library.recv(quiet) }),
  bytesInUse: (channel) => channel.arena.stats().bytesInUse,
})

function codecOf({ what }: Shape): unknown {
  const { u8, u32, f64, fixedString, struct, bytes, string, any } = library
  if (what === 'struct') return struct({ id: u32, price: f64, side: u8, qty: u32, tag: fixedString(8) })
  return what === 'any' ? any() : what === 'string' ? string : bytes
}

const values = valueContender({
  channel: (shape, _, capacity) => library.channel(codecOf(shape), { capacity }) as unknown as ValueChannel,
  open: (handle) => library.open(handle) as ValueChannel,
})

interface Maps {
  readonly ShardedMap: new (keys: unknown, values: unknown, options: { capacity: number }) => LibraryMap
}

const maps = millrace as unknown as Maps
const locks = syncLibrary(
  millrace as unknown as SyncClasses,
  (capacity) => new maps.ShardedMap(library.u32, library.f64, { capacity }),
)
const meetings = syncContender(locks)
const asked = askByChannels(library)

function player({ kind, style }: Job): Pick<Contender, 'prepare' | 'part'> {
  if (kind === 'sync') return style === 'map-asked' ? asked : meetings
  if (kind === 'value') return values
  if (style === 'pipe') return pipes
  return kind === 'select' ? selects : kind === 'loop' ? oneLoop : threads
}

const contender: Contender = {
  run: millraceRun,
  prepare: (job) => player(job).prepare(job),
  part: (job, index, gift) => player(job).part(job, index, gift),
  micro: (style, capacity) => (isSyncMicro(style) ? syncMicro(locks, style) : threads.micro(style, capacity)),
}

export default contender
