// Sharded map: keys to values, for many readers and writers.
//
// Who may call: any attached thread that has a scratch block.
//
// Algorithm: the hash of a key chooses a shard, and in its table, which is open-addressed with linear probing (D. Knuth, TAOCP 3, 6.4), an entry.
// Keys and values of up to 64 bits lie in the entry. Others are bytes in a node: a message that hangs on the shard and is never written to
// once it is there. Each shard has a version: see cursor.ts. An operation first looks (map_seek…) and then, if it is to change something,
// does so at the version that it has seen (map_put, map_remove), or begins again.
//
//   map ──► shard ──► node ──► … ──► table ──► shard ──► … ──► end      MESSAGE_CHAIN: all that belongs to the map
//             └ version, table, count ┘
//
// Invariants: an even version that is the same before and after says that what was read in between was there at once. At most three quarters of a
// table's entries are in use, so a search ends. A key has one entry. A node hangs on a shard exactly while an entry names it.
//
// Progress: readers and writers as in cursor.ts. A table that is to be larger is filled in the hands of its thread, and then takes the place of the
// other one at the version that it was made from; who loses that some times asks the others to let it go first (SHARD_MARK), which they do for a
// while. A kill leaves blocks in the hands of the dead, and maybe a mark.

import { cas32, enter, get32, get64, leave, load32, load64, peek32, peek64, peekInOrder64, poke32, pokeInOrder64, set32, set64, store32, store64, zero } from "./atomics.ts";
import { bitsOf, discard } from "./atomic-value.ts";
import { blockAt, cursor, hang, unhang } from "./cursor.ts";
import {
  BUSY, CURSOR_ENTRY, CURSOR_FOUND, CURSOR_GUARD, CURSOR_HASH, CURSOR_KEY, CURSOR_NEW, CURSOR_NODE, CURSOR_VALUE, CURSOR_VERSION, ENTRY_BYTES, ENTRY_EMPTY,
  ENTRY_HASH, ENTRY_KEY, ENTRY_REMOVED, ENTRY_VALUE, FINE, HEAD_STATE, MAP_KEY_CODEC, MAP_SHARDS, MAP_SHIFT, MAP_VALUE_CODEC, MESSAGE_CHAIN, MESSAGE_OWN_PREV, NO_MEMORY, OK,
  RETRY, SHARD_COUNT, SHARD_MARK, SHARD_TABLE, SHARD_USED, SHARD_VERSION, STALE, THREAD_STATUS, WOULD_BLOCK,
} from "./layout.ts";
import { disown, own } from "./message.ts";
import { relax, self } from "./thread.ts";

if (ENTRY_HASH != 0 || ENTRY_BYTES != 24) ERROR("entries are not what the search takes them for");

// ── Making ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Prepares an object of KIND_SHARDED_MAP that nobody else has seen, for 2^(32 - shift) shards. */
export function map_init(m: usize, shift: u32): void {
  set32(m + MESSAGE_CHAIN, 0);
  set32(m + MAP_SHIFT, shift);
}

/** Adds a shard, a zeroed block, or what ends the chain, to a map that nobody else has seen. The last one comes with the numbers of the codecs. */
export function map_join(m: usize, index: u32, shard: usize, keys: u32, values: u32): void {
  set32(shard + MESSAGE_CHAIN, 0);
  hang(index == 0 ? m : <usize>get32(m + MAP_SHARDS + ((index - 1) << 2)), shard);
  set32(m + MAP_SHARDS + (index << 2), <u32>shard);
  set32(m + MAP_VALUE_CODEC, values);
  store32(m + MAP_KEY_CODEC, keys);
}

// @ts-ignore: decorator
@inline function shardAt(m: usize, index: u32): usize { return <usize>get32(m + MAP_SHARDS + (<usize>index << 2)); }

// ── Looking ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Mixes all bits into the upper half. */
// @ts-ignore: decorator
@inline function mix(bits: u64): u64 {
  let h = (bits ^ bits >> 32) * 0x9e3779b97f4a7c15;
  h = (h ^ h >> 29) * 0xbf58476d1ce4e5b9;
  return h ^ h >> 32;
}

/** A hash is none of the marks of entries without a key. */
// @ts-ignore: decorator
@inline function hashOf(mixed: u64): u32 {
  const h = <u32>(mixed >> 16);
  return h > <u32>ENTRY_REMOVED ? h : h + 2;
}

/** Whether the node begins with the key. Racing: counts only if the version is the same after. */
function sameBytes(node: usize, at: usize, words: u32): bool {
  for (let k: u32 = 0; k < words; k++) {
    if (peekInOrder64(node + (k << 3)) != get64(at + (k << 3))) return false;
  }
  return true;
}

/**
 * Sets the cursor to the entry of a key, or to where one could be put: OK (it is there), WOULD_BLOCK (it is not), BUSY or STALE. `key` is as in
 * ENTRY_KEY; `at` is where its bytes are, 0 for a key that is its own word.
 */
// @ts-ignore: decorator
@inline function seek(m: usize, open: u32, hash: u32, key: u64, at: usize): u32 {
  const c = cursor();
  if (load32(m + HEAD_STATE) != open) return STALE;
  const shard = shardAt(m, <u32>(<u64>hash >> get32(m + MAP_SHIFT)));
  let tries: u32 = 0;
  while (true) {
    const version = load32(shard + SHARD_VERSION);
    if (version & 1) {
      if (relax(tries++)) return BUSY;
      continue;
    }
    const table = load64(shard + SHARD_TABLE);
    const mask = <u32>(table >> 32);
    let i = hash & mask;
    let entry: usize = 0;
    let free: usize = 0;
    let node: usize = 0;
    let found: u32 = 0;
    let moved = false;
    for (let left = mask + 1; left != 0; left--) {
      entry = <usize><u32>table + <usize>i * ENTRY_BYTES;
      const word = peekInOrder64(entry);
      const h = <u32>word;
      if (h == hash && peekInOrder64(entry + ENTRY_KEY) == key) {
        node = <usize>(word >> 32);
        if (at == 0) {
          found = 1;
          break;
        }
        // Only what an entry names at this version is a node, and it has as many bytes.
        if (load32(shard + SHARD_VERSION) != version) {
          moved = true;
          break;
        }
        if (sameBytes(node, at, <u32>(key + 7 >> 3))) {
          found = 1;
          break;
        }
      } else if (h <= <u32>ENTRY_REMOVED) {
        if (free == 0) free = entry;
        if (h == ENTRY_EMPTY) break;
      }
      i = i + 1 & mask;
    }
    const value = found ? peekInOrder64(entry + ENTRY_VALUE) : 0;
    if (moved || load32(shard + SHARD_VERSION) != version) continue;
    set32(c + CURSOR_GUARD, <u32>(shard + SHARD_VERSION));
    set32(c + CURSOR_VERSION, version);
    set32(c + CURSOR_ENTRY, <u32>(found ? entry : free));
    set32(c + CURSOR_FOUND, found);
    set32(c + CURSOR_HASH, hash);
    set32(c + CURSOR_NODE, found ? <u32>node : 0);
    set64(c + CURSOR_KEY, key);
    set64(c + CURSOR_VALUE, value);
    return found ? OK : WOULD_BLOCK;
  }
  return BUSY;
}

/** For keys that are 64-bit integers. */
export function map_seek(m: usize, open: u32, key: i64): u32 {
  return seek(m, open, hashOf(mix(<u64>key)), <u64>key, 0);
}

/** For keys that are numbers: 0 and -0 are one, and so are all NaNs. */
export function map_seekNumber(m: usize, open: u32, key: f64): u32 {
  const bits = bitsOf(key + 0.0);
  return seek(m, open, hashOf(mix(bits)), bits, 0);
}

/** For keys of bytes, which are in memory of ours, followed by zeros up to a multiple of 8. */
export function map_seekBytes(m: usize, open: u32, at: usize, length: u32): u32 {
  let h: u64 = length;
  for (let k: u32 = 0; k < length; k += 8) h = mix(h ^ get64(at + k));
  return seek(m, open, hashOf(mix(h)), length, at);
}

/** The number that a number is the key of. NaN says: look at THREAD_STATUS, OK, WOULD_BLOCK, BUSY or STALE. */
export function map_get(m: usize, open: u32, key: f64): f64 {
  const status = map_seekNumber(m, open, key);
  if (status == OK) {
    const v = reinterpret<f64>(get64(cursor() + CURSOR_VALUE));
    if (v == v) return v;
  }
  set32(self + THREAD_STATUS, status);
  return NaN;
}

// ── Changing ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/** Whether another thread has asked to go first. */
// @ts-ignore: decorator
@inline function marked(shard: usize): bool {
  const mark = load32(shard + SHARD_MARK);
  return mark != 0 && mark != <u32>self;
}

/**
 * Stores CURSOR_NEW for the key that was looked for: OK, RETRY (look again), NO_MEMORY (the table must be larger) or BUSY. `node`, in our hands,
 * holds the bytes of key and value, where one of them has any; 0 keeps the node that is there. What it replaces is in our hands then: CURSOR_NODE.
 */
export function map_put(node: usize): u32 {
  const c = cursor();
  const shard = <usize>get32(c + CURSOR_GUARD) - SHARD_VERSION;
  const version = get32(c + CURSOR_VERSION);
  const entry = <usize>get32(c + CURSOR_ENTRY);
  const found = get32(c + CURSOR_FOUND) != 0;
  const value = get64(c + CURSOR_NEW);
  const hash = get32(c + CURSOR_HASH);
  const old = <usize>get32(c + CURSOR_NODE);
  if (marked(shard)) return BUSY;
  let fresh = false;
  if (!found) {
    if (entry == 0) return NO_MEMORY;
    fresh = <u32>peekInOrder64(entry) == ENTRY_EMPTY;
    const entries = <u32>(load64(shard + SHARD_TABLE) >> 32) + 1;
    if (fresh && peek32(shard + SHARD_USED) >= entries - (entries >> 2)) {
      return load32(shard + SHARD_VERSION) == version ? NO_MEMORY : RETRY;
    }
  }
  enter();
  if (cas32(shard + SHARD_VERSION, version, version + 1) != version) {
    leave();
    return RETRY;
  }
  if (node != 0) {
    disown(node);
    if (old != 0) {
      unhang(blockAt(old));
      own(old);
    }
    hang(shard, blockAt(node));
  }
  if (!found) {
    pokeInOrder64(entry + ENTRY_KEY, get64(c + CURSOR_KEY));
    poke32(shard + SHARD_COUNT, peek32(shard + SHARD_COUNT) + 1);
    if (fresh) poke32(shard + SHARD_USED, peek32(shard + SHARD_USED) + 1);
  }
  pokeInOrder64(entry + ENTRY_VALUE, value);
  if (!found || node != 0) pokeInOrder64(entry, <u64>node << 32 | <u64>hash);
  store32(shard + SHARD_VERSION, version + 2);
  leave();
  return OK;
}

/** Takes out the key that was found: OK, RETRY (look again) or BUSY. Its node is in our hands then: CURSOR_NODE. */
export function map_remove(): u32 {
  const c = cursor();
  const shard = <usize>get32(c + CURSOR_GUARD) - SHARD_VERSION;
  const version = get32(c + CURSOR_VERSION);
  const entry = <usize>get32(c + CURSOR_ENTRY);
  const old = <usize>get32(c + CURSOR_NODE);
  if (marked(shard)) return BUSY;
  const table = load64(shard + SHARD_TABLE);
  let next = entry + ENTRY_BYTES;
  if (next > <usize><u32>table + <usize>(table >> 32) * ENTRY_BYTES) next = <usize><u32>table;
  enter();
  if (cas32(shard + SHARD_VERSION, version, version + 1) != version) {
    leave();
    return RETRY;
  }
  if (old != 0) {
    unhang(blockAt(old));
    own(old);
  }
  // No search goes on from here to an entry that is empty.
  const last = <u32>peek64(next) == ENTRY_EMPTY;
  poke32(shard + SHARD_COUNT, peek32(shard + SHARD_COUNT) - 1);
  if (last) poke32(shard + SHARD_USED, peek32(shard + SHARD_USED) - 1);
  pokeInOrder64(entry, last ? <u64>ENTRY_EMPTY : <u64>ENTRY_REMOVED);
  store32(shard + SHARD_VERSION, version + 2);
  leave();
  return OK;
}

/** A number for a number: OK (FINE), NO_MEMORY, BUSY or STALE. */
export function map_set(m: usize, open: u32, key: f64, v: f64): u32 {
  while (true) {
    const looked = map_seekNumber(m, open, key);
    if (looked != OK && looked != WOULD_BLOCK) return looked;
    set64(cursor() + CURSOR_NEW, bitsOf(v));
    const status = map_put(0);
    if (status != RETRY) return status == OK ? FINE : status;
  }
  return BUSY;
}

// ── Tables ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/** The version of a shard, which nobody is in the middle of changing; odd if that takes too long. */
function settledVersion(shard: usize): u32 {
  let tries: u32 = 0;
  while (true) {
    const version = load32(shard + SHARD_VERSION);
    if (!(version & 1) || relax(tries++)) return version;
  }
  return 1;
}

/**
 * Gives a shard a table of so many entries, a power of two, in the message `fresh`, which is in our hands: OK, RETRY or BUSY. The table that was there is
 * in our hands then: CURSOR_NODE.
 */
export function map_rebuild(m: usize, index: u32, fresh: usize, entries: u32): u32 {
  const c = cursor();
  const shard = shardAt(m, index);
  const version = settledVersion(shard);
  if (version & 1) return BUSY;
  const table = load64(shard + SHARD_TABLE);
  const most = entries - (entries >> 2);
  zero(fresh, entries * ENTRY_BYTES);
  let n: u32 = 0;
  if (table != 0) {
    let from = <usize><u32>table;
    for (let left = <u32>(table >> 32) + 1; left != 0; left--) {
      const word = peekInOrder64(from);
      if (<u32>word > <u32>ENTRY_REMOVED) {
        if (n++ == most) return RETRY; // there are more by now
        let to = fresh + <usize>(<u32>word & entries - 1) * ENTRY_BYTES;
        while (get64(to) != 0) {
          to += ENTRY_BYTES;
          if (to == fresh + <usize>entries * ENTRY_BYTES) to = fresh;
        }
        set64(to, word); // plain: ours until it takes the other one's place
        set64(to + ENTRY_KEY, peekInOrder64(from + ENTRY_KEY));
        set64(to + ENTRY_VALUE, peekInOrder64(from + ENTRY_VALUE));
      }
      from += ENTRY_BYTES;
    }
  }
  const old = <usize><u32>table;
  enter();
  if (cas32(shard + SHARD_VERSION, version, version + 1) != version) {
    leave();
    return RETRY;
  }
  disown(fresh);
  if (old != 0) {
    unhang(blockAt(old));
    own(old);
  }
  hang(shard, blockAt(fresh));
  store64(shard + SHARD_TABLE, <u64>(entries - 1) << 32 | <u64>fresh);
  poke32(shard + SHARD_COUNT, n);
  poke32(shard + SHARD_USED, n);
  store32(shard + SHARD_MARK, 0);
  set32(c + CURSOR_NODE, <u32>old);
  store32(shard + SHARD_VERSION, version + 2);
  leave();
  return OK;
}

/** As map_rebuild, with nothing in it. The table that was there is in our hands, and on it hang all nodes. */
export function map_clear(m: usize, index: u32, fresh: usize, entries: u32): u32 {
  const c = cursor();
  const shard = shardAt(m, index);
  const end = shardAt(m, index + 1);
  const version = settledVersion(shard);
  if (version & 1 || marked(shard)) return BUSY;
  zero(fresh, entries * ENTRY_BYTES);
  enter();
  if (cas32(shard + SHARD_VERSION, version, version + 1) != version) {
    leave();
    return RETRY;
  }
  const first = <usize>get32(shard + MESSAGE_CHAIN);
  const last = <usize>get32(end + MESSAGE_OWN_PREV);
  disown(fresh);
  set32(last + MESSAGE_CHAIN, 0);
  own(first);
  set32(shard + MESSAGE_CHAIN, <u32>end);
  hang(shard, blockAt(fresh));
  store64(shard + SHARD_TABLE, <u64>(entries - 1) << 32 | <u64>fresh);
  poke32(shard + SHARD_COUNT, 0);
  poke32(shard + SHARD_USED, 0);
  set32(c + CURSOR_NODE, <u32>first);
  store32(shard + SHARD_VERSION, version + 2);
  leave();
  return OK;
}

/** Makes all handles stale, and takes the map with all that hangs on it into our hands: OK, BUSY or STALE (it was done before). */
export function map_dispose(m: usize, open: u32): u32 {
  if (load32(m + HEAD_STATE) != open) return STALE;
  // What was stored last is ours to free: pairs with the stores of the versions.
  const shards = <u32>(1 << (32 - get32(m + MAP_SHIFT)));
  for (let k: u32 = 0; k < shards; k++) {
    if (settledVersion(shardAt(m, k)) & 1) return BUSY;
  }
  return discard(m, open);
}
