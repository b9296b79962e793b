// What a map is made from: its options, and what its handle says of its codecs.

import type { Arena } from './arena.js'
import { arenaOption, numberOf } from './channel-codecs.js'
import type { AnyCodec } from './codec/message.js'
import { rangeError, show, typeError } from './errors.js'
import type { Site } from './handle.js'
import { Shards } from './map-shards.js'

export interface ShardedMapOptions {
  /** How many keys the map has room for from the start; it grows by itself. Default: 0. */
  capacity?: number
  /**
   * In how many parts the map lies, a power of two from 1 to 1024. Threads that write to different parts do not disturb each other. Default: 16.
   */
  shards?: number
  /** Where it is made. Default: `defaultArena()`. */
  arena?: Arena
  /** How errors of this thread call it. */
  name?: string
}

/** @internal A new map. @throws TypeError, RangeError, ArenaFullError. */
export function makeMap(keys: AnyCodec<never>, values: AnyCodec<never>, options: ShardedMapOptions): Site {
  if (typeof options !== 'object' || options === null)
    throw typeError(`ShardedMap takes options { capacity, shards, arena, name }, not ${show(options)}`)
  const arena = arenaOption(options.arena)
  const { capacity = 0, shards = 16 } = options
  if (typeof shards !== 'number') throw typeError(`shards is a number, not ${show(shards)}`)
  if (!Number.isInteger(shards) || shards < 1 || shards > 1024 || (shards & (shards - 1)) !== 0)
    throw rangeError(`shards is a power of two from 1 to 1024, not ${show(shards)}`)
  if (typeof capacity !== 'number') throw typeError(`the capacity of a map is a number of keys, not ${show(capacity)}`)
  if (!Number.isInteger(capacity) || capacity < 0 || capacity > arena.size)
    throw rangeError(`the capacity of a map is an integer from 0 on that its arena has room for, not ${show(capacity)}`)
  return Shards.make(arena, numberOf(keys), numberOf(values), shards, capacity)
}

/** @internal Names and schemas of the codecs of keys and values, from the schema of a map's handle. */
export function schemasOf(schema: unknown): [[name: string, schema: unknown], [name: string, schema: unknown]] {
  const [, ...pairs] = Array.isArray(schema) ? schema : []
  if (pairs.length !== 2 || pairs.some((pair) => !Array.isArray(pair) || typeof pair[0] !== 'string'))
    throw typeError(
      `the handle of a map names the codecs of its keys and values: ["map", [name, schema], [name, schema]], not ${show(schema)}`,
    )
  return pairs as [[string, unknown], [string, unknown]]
}
