// Addresses as names of layout.ts: `ch.TAIL`, `ch.SLOTS[1]`, `thread 2.BELL`, `depot[7]`.

import type { Bench } from './scenario.js'

const KINDS: Record<number, string> = {
  0: 'HEAD',
  1: 'CHANNEL',
  2: 'STACK',
  3: 'COUNTER',
  4: 'ATOMIC',
  5: 'WAITER',
  6: 'SCRATCH',
  7: 'PIPE',
}
/** Arrays at the end of a kind of block: element size by the name of the array's offset. */
const ARRAYS: Record<string, string> = { CHANNEL_SLOTS: 'SLOT_BYTES', STACK_NODES: 'NODE_BYTES', COUNTER_CELLS: 'LINE' }
const NOT_OFFSETS =
  /_(BYTES|SHIFT|COUNT|MAX|SHARDS|VALUE_MAX)$|^THREAD_(FREE|ALIVE|REAPING)$|^CHANNEL_(CLOSED|RECEIVERS|SENDERS|DISPOSED)$/

export function describeAddress(at: number, b: Bench): string {
  const L = b.layout
  const hex = `0x${at.toString(16)}`
  const named = b.names.filter(([from]) => from <= at).sort((x, y) => y[0] - x[0])
  if (b.read(L.ARENA! + L.ARENA_MAGIC!) !== L.ARENA_MAGIC_VALUE) {
    const exact = named[0]
    if (exact) return exact[0] === at ? exact[1] : `${exact[1]}+${at - exact[0]}`
    if (at >= 1024 && at < 1024 + 26 * 128)
      return `${'XYZABCDEFGHIJKLMNOPQRSTUVW'[(at - 1024) >> 7]}${at & 127 ? `+${at & 127}` : ''}`
    return hex
  }
  const threads = b.read(L.ARENA! + L.ARENA_THREADS!)
  const first = b.read(L.ARENA! + L.ARENA_FIRST_PAGE!)
  if (at < threads) return arenaWord(at, L) ?? hex
  if (at < first) {
    const k = Math.floor((at - threads) / L.THREAD_BYTES!)
    const offset = (at - threads) % L.THREAD_BYTES!
    const slot = named.find(([from]) => from === threads + k * L.THREAD_BYTES!)
    const who = slot ? slot[1] : `slot ${k}`
    if (offset >= L.THREAD_MAGAZINES!) {
      const c = Math.floor((offset - L.THREAD_MAGAZINES!) / L.MAGAZINE_BYTES!)
      return `${who}.magazine[${c}].${field('MAGAZINE', (offset - L.THREAD_MAGAZINES!) % L.MAGAZINE_BYTES!, L) ?? '?'}`
    }
    return `${who}.${field('THREAD', offset, L) ?? `+${offset}`}`
  }
  const entry = b.read(L.ARENA! + L.ARENA_PAGE_MAP! + (at >> L.PAGE_SHIFT!) * 4) & 0xff
  if (entry === 0) return hex
  const size = 1 << (entry - 1 + L.CLASS_SHIFT!)
  const block = entry - 1 < L.PAGE_CLASS! ? at - (at % size) : at - (at % L.PAGE!)
  const own = named.find(([from]) => from === block)
  const now = KINDS[b.read(block + L.HEAD_KIND!)] ?? 'HEAD'
  const kind = now === 'HEAD' && own?.[2] ? own[2] : now
  const offset = at - block
  const who = own ? own[1] : `${kind.toLowerCase()} 0x${block.toString(16)}`
  for (const [array, unit] of Object.entries(ARRAYS)) {
    const from = L[array] as number
    if (!array.startsWith(`${kind}_`) || offset < from) continue
    if (kind === 'CHANNEL' && b.read(block + L.CHANNEL_WIDE!) !== 0) {
      const lap = b.read(block + L.CHANNEL_LAP!)
      const marks = from + lap * L.VALUE_BYTES!
      const cells = marks + lap * L.MARK_BYTES!
      const bytes = b.read(block + L.CHANNEL_WIDE!) >> L.WIDE_CELL_SHIFT!
      if (offset >= cells) return `${who}.cell[${Math.floor((offset - cells) / bytes)}]+${(offset - cells) % bytes}`
      if (offset >= marks) return `${who}.mark[${(offset - marks) / L.MARK_BYTES!}]`
      return `${who}.value[${(offset - from) / L.VALUE_BYTES!}]`
    }
    const bytes = L[unit] as number
    const inside = (offset - from) % bytes
    const part = kind === 'STACK' ? field('NODE', inside, L) : inside ? `+${inside}` : undefined
    return `${who}.${array.slice(kind.length + 1)}[${Math.floor((offset - from) / bytes)}]${part ? `.${part}` : ''}`
  }
  const name = (offset < L.HEAD_BYTES! ? field('HEAD', offset, L) : field(kind, offset, L)) ?? `+${offset}`
  return `${who}.${name}`
}

function field(prefix: string, offset: number, L: Bench['layout']): string | undefined {
  let best: string | undefined
  for (const [name, value] of Object.entries(L)) {
    if (!name.startsWith(`${prefix}_`) || NOT_OFFSETS.test(name)) continue
    if (value === offset) best = name.slice(prefix.length + 1)
    else if (value === offset - 4 && !best) best = `${name.slice(prefix.length + 1)}+4`
  }
  return best
}

function arenaWord(at: number, L: Bench['layout']): string | undefined {
  const offset = at - L.ARENA!
  if (offset >= L.ARENA_PAGE_MAP!) return `page map[${(offset - L.ARENA_PAGE_MAP!) >> 2}]`
  if (offset >= L.ARENA_DEPOT!) return `depot[${Math.floor((offset - L.ARENA_DEPOT!) / L.DEPOT_STRIDE!)}]`
  const name = field('ARENA', offset, L)
  return name ? `arena.${name}` : undefined
}
