// What must hold of the core's memory: at every access (shadow), and at the end (no block lost or free twice, nobody forgotten).

import { describeAddress } from '../checker/names.js'
import { OP_NAMES } from '../checker/ops.js'
import type { Bench } from '../checker/scenario.js'
import type { ChannelWorld, World } from './core.js'

/**
 * Nobody is parked who could go on: no receiver while a slot holds a value, no sender while one is free. (The history alone does not tell: a
 * killed sender's value may count as never sent.)
 */
export function nobodyForgotten(b: Bench, w: ChannelWorld): void {
  const { L, ch, capacity } = w
  let held = 0
  if (w.wide) held = (b.read(ch + L.CHANNEL_TAIL!) - b.read(ch + L.CHANNEL_HEAD!)) >>> 0
  else {
    const lap = b.read(ch + L.CHANNEL_LAP!)
    for (let k = 0; k < capacity; k++) {
      if ((b.read(ch + L.CHANNEL_SLOTS! + k * L.SLOT_BYTES! + 4) & (lap - 1)) === k + 1) held++
    }
  }
  if (held > 0 && b.read(ch + L.CHANNEL_RECVQ!) !== 0)
    b.fail('lost wake-up', 'a receiver is parked although there is a value')
  if (held < capacity && b.read(ch + L.CHANNEL_SENDQ!) !== 0)
    b.fail('lost wake-up', 'a sender is parked although there is room')
}

/**
 * Shadow state: nobody touches the body of a block that is free, except who has it in THREAD_PENDING (just allocated, or about to be
 * freed). Peeks are exempt: their values count only if a compare-and-swap confirms them.
 */
export function shadow(b: Bench, w: World): (t: number, op: number, at: number, bytes: number) => void {
  const { L } = w
  const [map, shift, shiftClass, pageClass, page] = [
    L.ARENA! + L.ARENA_PAGE_MAP!,
    L.PAGE_SHIFT!,
    L.CLASS_SHIFT!,
    L.PAGE_CLASS!,
    L.PAGE!,
  ]
  const [head, kind, free, pending] = [L.HEAD_BYTES!, L.HEAD_KIND!, L.KIND_FREE!, L.THREAD_PENDING!]
  const first = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!)
  return (t, op, at) => {
    if (at < first) return
    const entry = (b.u32[(map + (at >>> shift) * 4) >> 2] as number) & 0xff
    if (entry === 0) return
    const block = entry - 1 < pageClass ? at & ~((1 << (entry - 1 + shiftClass)) - 1) : at & ~(page - 1)
    if (at - block < head || b.u32[(block + kind) >> 2] !== free) return
    for (const slot of w.slots) if (b.u32[(slot + pending) >> 2] === block) return
    b.fail('memory', `thread ${t}: ${OP_NAMES[op]} of ${describeAddress(at, b)}, which has been freed`)
  }
}

/** Blocks in use per class, as all the counters say together. */
export function usage(b: Bench, w: World): number[] {
  const { L } = w
  const used: number[] = []
  for (let c = 0; c < L.CLASS_COUNT!; c++) {
    let n = b.i32[(L.ARENA! + L.ARENA_USED! + c * 4) >> 2] as number
    for (const slot of w.slots)
      n += b.i32[(slot + L.THREAD_MAGAZINES! + c * L.MAGAZINE_BYTES! + L.MAGAZINE_USED!) >> 2] as number
    used.push(n)
  }
  return used
}

/**
 * Walks all chains of free blocks: every block is in one place only, is free, and what is neither free nor in use was never cut. `base`
 * is what must be in use.
 */
export function audit(b: Bench, w: World, base = w.base): void {
  const { L } = w
  const bad = (text: string): never => b.fail('memory', text)
  const seen = new Set<number>()
  const walk = (from: number, what: string): number => {
    let n = 0
    for (let block = from; block !== 0; block = b.read(block + L.HEAD_NEXT!)) {
      if (seen.has(block)) bad(`block 0x${block.toString(16)} is free twice (${what})`)
      seen.add(block)
      if (b.read(block + L.HEAD_KIND!) !== L.KIND_FREE) bad(`block 0x${block.toString(16)} is in ${what} but not free`)
      if (++n > 100000) bad(`${what} has no end`)
    }
    return n
  }
  const used = usage(b, w)
  for (let c = 0; c < L.CLASS_COUNT!; c++) {
    let free = 0
    let uncut = 0
    for (const slot of w.slots) {
      const m = slot + L.THREAD_MAGAZINES! + c * L.MAGAZINE_BYTES!
      const gone = b.read(slot + L.THREAD_STATE!) === L.THREAD_FREE
      if (gone && (b.read(m + L.MAGAZINE_LOADED!) !== 0 || b.read(m + L.MAGAZINE_SPARE!) !== 0))
        bad(`a free slot has blocks of class ${c}`)
      const n = walk(b.read(m + L.MAGAZINE_LOADED!), `loaded chain ${c}`)
      if (n !== b.read(m + L.MAGAZINE_COUNT!))
        bad(`a loaded chain of class ${c} has ${n} blocks, its magazine says ${b.read(m + L.MAGAZINE_COUNT!)}`)
      free += n + walk(b.read(m + L.MAGAZINE_SPARE!), `spare chain ${c}`)
      uncut += (b.read(m + L.MAGAZINE_END!) - (b.read(m + L.MAGAZINE_CUT!) & ~L.CUT_AGAIN!)) / (L.LINE! << c)
    }
    for (
      let chain = b.read(L.ARENA! + L.ARENA_DEPOT! + c * L.DEPOT_STRIDE!);
      chain !== 0;
      chain = b.read(chain + L.HEAD_CHAIN!)
    ) {
      if (seen.has(chain)) bad(`chain 0x${chain.toString(16)} is in the depot twice`)
      free += walk(chain, `depot ${c}`)
    }
    let cut = 0
    const first = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!)
    for (let p = first; p < b.read(L.ARENA! + L.ARENA_BREAK!); p += L.PAGE!) {
      const entry = b.read(L.ARENA! + L.ARENA_PAGE_MAP! + (p >> L.PAGE_SHIFT!) * 4)
      if ((entry & 0xff) !== c + 1) continue
      cut += c < L.PAGE_CLASS! ? L.PAGE! / (L.LINE! << c) : 1
      // The first block of a page that is used again for small ones is left out.
      if (entry & L.PAGE_AGAIN! && c <= L.SMALL_CLASS!) cut--
    }
    if (used[c] !== base[c]) bad(`${used[c]} blocks of class ${c} are in use, not ${base[c]}`)
    if (cut - uncut - free !== used[c])
      bad(
        `class ${c}: ${cut} blocks made, ${uncut} not cut yet, ${free} free, ${used[c]} in use: ${cut - uncut - free - (used[c] as number)} lost`,
      )
  }
}
