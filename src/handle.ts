import { type Arena, arenaOver } from './arena.js'
import type { AnyCodec, Schema } from './codec/message.js'
import { adoptModule } from './core.js'
import { StaleHandleError, show, typeError } from './errors.js'
import { GENERATION, LAYOUT_VERSION } from './generated/layout.js'

declare const opens: unique symbol

/** What part of a channel a handle gives: both ends, or one; 'receive' of an RWMutex: the readers' side. */
export type View = 'both' | 'send' | 'receive'

/**
 * A plain object that stands for a millrace object: `postMessage` and `workerData` carry it, and `open` makes an object of it on the
 * other side. It holds the memory, the compiled module and the address; it does not keep the object from being disposed of.
 */
export interface Handle<out T> {
  readonly millrace: number
  readonly kind: string
  readonly codec: string
  /** How the codec is made, where `open` has to make it anew. */
  readonly schema?: Schema
  readonly view: View
  /** What errors call the object, where it has been given a name. */
  readonly name?: string
  /** The lock that goes with a Cond. */
  readonly locker?: Handle<unknown>
  readonly address: number
  readonly generation: number
  readonly memory: WebAssembly.Memory
  readonly module: WebAssembly.Module
  /** Type only: what `open` returns. */
  readonly [opens]?: T
}

/** Everything that has a handle. */
export interface Shared<out T> {
  readonly handle: Handle<T>
}

/** @internal A method of what may be made known in any arena: its handle there. */
export const HANDLE_IN: unique symbol = Symbol('millrace.handleIn')

/** @internal What an object needs to be opened at an address. */
export interface Site {
  readonly arena: Arena
  readonly at: number
  /** HEAD_STATE of the open object. */
  readonly open: number
}

/** @internal */
export function makeHandle<T>(
  site: Site,
  kind: string,
  codec: { readonly name: string; readonly schema?: Schema },
  view: View,
): Handle<T> {
  return {
    millrace: LAYOUT_VERSION,
    kind,
    codec: codec.name,
    ...(codec.schema === undefined ? {} : { schema: codec.schema }),
    view,
    address: site.at,
    generation: (site.open >>> 0) / GENERATION,
    memory: site.arena.memory,
    module: site.arena.module,
  }
}

export interface OpenOptions {
  /** The codec of the channel (of a map: of its values), where this thread knows it by itself: user-made codecs, and whoever wants to be sure. */
  codec?: AnyCodec<never>
  /** The codec of a map's keys, likewise. */
  keyCodec?: AnyCodec<never>
}

type Opener = (site: Site, handle: Handle<unknown>, options: OpenOptions) => unknown
/** Whether a live object of that kind is at the address. `open` is HEAD_STATE of the open object. */
type Check = (arena: Arena, at: number, kind: number, open: number) => boolean
const openers = new Map<string, { kind: number; open: Opener; check: Check }>()
const blockCheck: Check = (arena, at, kind, open) => arena.core.arena_check(at, kind, open) !== 0

/** @internal Each kind of object says here how it is opened; and how it is found, if it is not a block of the arena. */
export function registerKind(name: string, kind: number, open: Opener, check = blockCheck): void {
  openers.set(name, { kind, open, check })
}

/** @internal The number of a kind in shared memory; undefined if no object is of that kind. */
export function kindNumber(name: string): number | undefined {
  return openers.get(name)?.kind
}

/** @internal The kind with that number. */
export function kindName(kind: number): string | undefined {
  for (const [name, opener] of openers) if (opener.kind === kind) return name
  return undefined
}

/**
 * Opens a handle that came from another thread (or this one): the same object, typed as where it was made.
 *
 * @throws TypeError if the argument is not a handle, or one of another version of the package, or its codec is another one than `options.codec`
 * or not known here; StaleHandleError (ERR_STALE_HANDLE) if
 * the object has been disposed of. No memory outside the arena's headers is touched before the handle has proved good.
 * @example
 * worker.postMessage(ch.handle)            // here
 * parentPort.on('message', (h) => open(h)) // there
 */
// biome-ignore lint/suspicious/noExplicitAny: what `workerData` holds is `any` to the type checker, and so is what is opened from it
export function open<T = any>(handle: Handle<T>, options: OpenOptions = {}): T {
  if (typeof handle !== 'object' || handle === null || !('millrace' in handle)) {
    throw typeError(`open takes the .handle of a millrace object, not ${show(handle)}`)
  }
  const { kind, address, generation } = handle
  if (handle.millrace !== LAYOUT_VERSION) {
    throw typeError(
      `the handle comes from another version of millrace (memory layout ${show(handle.millrace)}, here ${LAYOUT_VERSION}): use one version in all threads`,
    )
  }
  const opener = openers.get(kind)
  if (opener === undefined) {
    throw typeError(`a handle is of kind ${[...openers.keys()].join(', ')}, not ${show(kind)}`)
  }
  if (!isWord(address) || !isWord(generation) || generation >= 2 ** 24) {
    throw typeError(
      `the handle's address (${show(address)}) and generation (${show(generation)}) are not what millrace writes there`,
    )
  }
  adoptModule(handle.module)
  const arena = arenaOver(handle.memory)
  const state = (generation * GENERATION) | 0
  if (!opener.check(arena, address, opener.kind, state)) throw new StaleHandleError(`the ${kind} of the handle`)
  return opener.open({ arena, at: address, open: state }, handle, optionsOf(options)) as T
}

/** `handles.map(open)` passes an index. */
function optionsOf(options: unknown): OpenOptions {
  return typeof options === 'object' && options !== null ? options : {}
}

function isWord(n: unknown): n is number {
  return typeof n === 'number' && n >>> 0 === n
}
