// millrace objects as messages: channels and their halves, stacks, counters, atomics. What travels is where the object is; on arrival it is opened.
//
//   | address u32 | generation u32 | kind u8 | view u8 | length of the codec's name u16 | codec's name, UTF-8 | codec's schema, JSON |
//
// The schema is left out where the name says it all.

import type { Arena } from '../arena.js'
import { rangeError, show, typeError } from '../errors.js'
import { KIND_CONTEXT, LAYOUT_VERSION } from '../generated/layout.js'
import { HANDLE_IN, type Handle, kindName, kindNumber, open, type Shared, type View } from '../handle.js'
import { encoding } from './encoding.js'
import { corrupt, noRoom, refusal, unfit } from './failure.js'
import { type Memory, type MessageCodec, type Schema, sealed } from './message.js'
import { readUtf8, utf8 } from './utf8.js'

const GENERATION = 4
const KIND = 8
const VIEW = 9
const NAME_LENGTH = 10
const NAME = 12

const VIEWS: readonly View[] = ['both', 'send', 'receive']

type AnyHandle = Handle<unknown> & { readonly schema?: Schema }

/** What a handle is as a message. */
interface Packed {
  readonly memory: WebAssembly.Memory
  readonly address: number
  readonly generation: number
  readonly kind: number
  readonly view: number
  readonly name: string
  readonly schema: string
  /** Bytes of the codec's name, and of all. */
  readonly nameBytes: number
  readonly bytes: number
}

/** What is long to say is kept: programs send many handles of few codecs. */
const texts = new WeakMap<object, string>()

function schemaText(schema: unknown, name: string): string {
  if (schema === undefined || schema === name) return ''
  if (typeof schema !== 'object' || schema === null) return JSON.stringify(schema) ?? ''
  let text = texts.get(schema)
  if (text === undefined) texts.set(schema, (text = JSON.stringify(schema)))
  return text
}

function pack(value: unknown): Packed {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) throw notShared(value)
  if ('millrace' in value) {
    throw refusal(
      typeError,
      'handle carries millrace objects, not their handles: send the channel itself, not its .handle',
    )
  }
  const found = handleOf(value)
  if (typeof found !== 'object' || found === null || !('millrace' in found)) throw notShared(value)
  const { address, generation, codec, schema, memory } = found
  const kind = kindNumber(found.kind)
  const view = VIEWS.indexOf(found.view)
  if (kind === undefined || view < 0 || address >>> 0 !== address || generation >>> 0 !== generation)
    throw notShared(value)
  const name = String(codec)
  const text = schemaText(schema, name)
  const nameBytes = utf8(name).length
  if (nameBytes > 0xffff)
    throw refusal(rangeError, `handle carries objects whose codec has a name of up to 65535 bytes, not ${nameBytes}`)
  return {
    memory,
    address,
    generation,
    kind,
    view,
    name,
    schema: text,
    nameBytes,
    bytes: NAME + nameBytes + utf8(text).length,
  }
}

/** The handle of an object; for what may be made known in any arena, in that of the message. */
function handleOf(value: object): AnyHandle | undefined {
  const { [HANDLE_IN]: handleIn } = value as { [HANDLE_IN]?: (arena: Arena) => AnyHandle }
  if (typeof handleIn === 'function' && encoding.arena !== undefined) return handleIn.call(value, encoding.arena)
  return (value as Partial<Shared<unknown>>).handle as AnyHandle | undefined
}

function notShared(value: unknown): Error {
  return unfit('handle', 'millrace objects (channels, their halves, stacks, counters, atomics)', value)
}

/** As `pack`, for a message in that arena. */
function packFor(arena: Arena | undefined, value: unknown): Packed {
  const before = encoding.arena
  encoding.arena = arena
  try {
    return pack(value)
  } finally {
    encoding.arena = before
  }
}

/** @internal An object as bytes, and the memory that it is in. */
export function handleBytes(value: Shared<unknown>): { memory: WebAssembly.Memory; bytes: Uint8Array } {
  const packed = pack(value)
  const u8 = new Uint8Array(packed.bytes)
  write(packed, u8, new DataView(u8.buffer), 0)
  return { memory: packed.memory, bytes: u8 }
}

/** @internal The object that bytes stand for. */
export function sharedIn(bytes: Uint8Array, arena: Arena): Shared<unknown> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return codec.decode({ u8: bytes, view, arena }, 0, bytes.length)
}

function write(packed: Packed, u8: Uint8Array, view: DataView, at: number): void {
  view.setUint32(at, packed.address, true)
  view.setUint32(at + GENERATION, packed.generation, true)
  u8[at + KIND] = packed.kind
  u8[at + VIEW] = packed.view
  view.setUint16(at + NAME_LENGTH, packed.nameBytes, true)
  u8.set(utf8(packed.name), at + NAME)
  u8.set(utf8(packed.schema), at + NAME + packed.nameBytes)
}

/** @internal Whether an object has a handle, and so can be carried. */
export function isShared(value: object): boolean {
  if (HANDLE_IN in value) return true
  if (!('handle' in value)) return false
  const { handle } = value
  return typeof handle === 'object' && handle !== null && 'millrace' in handle
}

function arenaOf(memory: Memory): Arena {
  if (memory.arena === undefined) {
    throw refusal(typeError, 'handle carries objects through channels only: these bytes belong to no arena')
  }
  return memory.arena
}

/** What was measured and waits for `encode`. */
let last: { value: unknown; packed: Packed } | undefined

const codec = sealed<MessageCodec<Shared<unknown>>>({
  name: 'handle',
  shape: 'message',
  schema: 'handle',
  size: undefined,
  measure(value) {
    last = undefined
    const packed = pack(value)
    last = { value, packed }
    return packed.bytes
  },
  encode(value, memory, at, limit) {
    const arena = arenaOf(memory)
    // Of a context what was measured is what is written: it may end in between, and say something else then.
    const measured = last
    last = undefined
    const packed =
      measured?.value === value && measured.packed.kind === KIND_CONTEXT && measured.packed.memory === arena.memory
        ? measured.packed
        : packFor(arena, value)
    if (packed.memory !== arena.memory) {
      throw refusal(
        typeError,
        `handle carries objects of the arena of the channel that they travel through, and ${show(value)} is in another one: ` +
          'make both with the same { arena }',
      )
    }
    const { u8, view } = memory
    if (packed.bytes > limit - at) throw noRoom('handle', packed.bytes, limit - at)
    write(packed, u8, view, at)
    return at + packed.bytes
  },
  decode(memory, at, end) {
    const arena = arenaOf(memory)
    if (end - at < NAME) throw corrupt('handle', `it has ${end - at} bytes, not ${NAME} or more`)
    const { u8, view } = memory
    const number = u8[at + KIND] as number
    const kind = kindName(number)
    if (kind === undefined) throw corrupt('handle', `there is no kind ${number} of objects`)
    const side = VIEWS[u8[at + VIEW] as number]
    if (side === undefined) throw corrupt('handle', `there is no view ${u8[at + VIEW]}`)
    const text = at + NAME + view.getUint16(at + NAME_LENGTH, true)
    if (text > end) throw corrupt('handle', 'the name of its codec is longer than the message')
    const name = readUtf8(memory, at + NAME, text, 'handle')
    return open({
      millrace: LAYOUT_VERSION,
      kind,
      codec: name,
      view: side,
      address: view.getUint32(at, true),
      generation: view.getUint32(at + GENERATION, true),
      memory: arena.memory,
      module: arena.module,
      schema: text === end ? name || undefined : parsed(readUtf8(memory, text, end, 'handle')),
    } as Handle<Shared<unknown>>)
  },
})

function parsed(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    throw corrupt('handle', 'the schema of its codec is not JSON')
  }
}

/**
 * millrace objects of the same arena as the channel that they travel through: channels, their halves, stacks, counters, atomics. They arrive
 * opened. What has been disposed of when it is sent, or by the time it arrives, is a StaleHandleError.
 *
 * @example
 * const requests = channel(handle<SendChannel<number>>(), { capacity: 16 })
 * const answer = channel(f64)
 * await requests.send(answer.sender)
 */
// biome-ignore lint/suspicious/noExplicitAny: without a type argument the objects are as untyped as what `open` gives for `workerData`
export function handle<T extends Shared<unknown> = any>(): MessageCodec<T> {
  return codec as MessageCodec<unknown> as MessageCodec<T>
}
