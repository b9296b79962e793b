// A failure as a table that a person can follow.

import type { Found, Report, Rig } from './explore.js'
import { describe } from './linear.js'
import { describeAddress } from './names.js'
import * as O from './ops.js'
import { encode, follow, runsOf } from './shrink.js'

/** Rows of a table, at most: a livelock repeats itself. */
const LONGEST = 120

/** Runs the failure again, recording, and tells it step by step. */
export function story(rig: Rig, found: Found): string {
  const { m } = rig
  m.recording = true
  const again = follow(rig, found.variant, runsOf(found.schedule))
  m.recording = false
  const shown = again ?? found
  const rows: string[][] = [['step', 'thread', 'operation', 'access', 'where', 'value', 'source']]
  let last = -1
  const operations = [...m.history].sort((a, b) => a.invoked - b.invoked)
  const until = m.depth > LONGEST ? LONGEST - 20 : m.depth
  for (let d = 0; d < m.depth; d++) {
    if (d === until) {
      rows.push(['…', '', `${m.depth - LONGEST} steps more`, '', '', '', ''])
      d += m.depth - LONGEST
      last = -1
    }
    const t = m.tid[d] as number
    const op = m.op[d] as number
    const responded = operations.find((o) => o.thread === t && o.responded === 2 * d)
    const invoked = operations.find((o) => o.thread === t && o.invoked === 2 * d + 1)
    const site = rig.built.sites[m.site[d] as number]
    const who = t === last ? '' : `t${t}`
    last = t
    if (op === O.OP_BOUNDARY) {
      const text = [responded ? `${describe(responded)}` : '', invoked ? `${invoked.op}(${invoked.arg ?? ''}) …` : '']
        .filter(Boolean)
        .join('; ')
      rows.push([String(d), who, text || (m.state[t] === 4 ? '·' : 'goes on'), '', '', '', ''])
      continue
    }
    const changed = op <= O.OP_WAIT || op === O.OP_LOOK ? valueText(m.values, d, m.bytes[d] as number) : ''
    const where = op === O.OP_PAUSE ? '' : describeAddress(m.at[d] as number, rig.bench)
    const failed = op === O.OP_CAS && !((m.flags[d] as number) & O.WRITES) ? ' (failed)' : ''
    rows.push([
      String(d),
      who,
      '',
      `${O.OP_NAMES[op]}${failed}`,
      where,
      changed,
      site?.line ? `${site.file}:${site.line}  ${site.text.slice(0, 90)}` : 'the program',
    ])
  }
  const pending = m.history.filter((o) => o.responded === Infinity).map(describe)
  const lines = [`${shown.failure.kind}: ${shown.failure.message}`]
  if (!again) lines.push('(not seen again when run with the recorder on: see the schedule)')
  if (found.variant.victim >= 0)
    lines.push(`thread ${found.variant.victim} is killed at its kill point ${found.variant.killAt}`)
  lines.push('', ...table(rows))
  if (pending.length > 0) lines.push('', `unfinished: ${pending.join('; ')}`)
  lines.push(
    '',
    `again: npm run model -- --only '${rig.scenario.name}' --replay '${encode(found.variant, found.schedule)}'`,
  )
  return lines.join('\n')
}

function valueText(values: Int32Array, d: number, bytes: number): string {
  const before = word(values[d * 4] as number, values[d * 4 + 1] as number, bytes)
  const after = word(values[d * 4 + 2] as number, values[d * 4 + 3] as number, bytes)
  return before === after ? before : `${before} → ${after}`
}

function word(lo: number, hi: number, bytes: number): string {
  const low = lo >>> 0
  const text = low < 4096 ? String(low) : `0x${low.toString(16)}`
  return bytes === 8 ? `${(hi >>> 0) < 4096 ? hi >>> 0 : `0x${(hi >>> 0).toString(16)}`}:${text}` : text
}

export function table(rows: readonly (readonly string[])[]): string[] {
  const widths: number[] = []
  for (const row of rows) {
    for (const [k, cell] of row.entries()) widths[k] = Math.max(widths[k] ?? 0, cell.length)
  }
  return rows.map((row) =>
    row
      .map((cell, k) => (k === row.length - 1 ? cell : cell.padEnd(widths[k] as number)))
      .join('  ')
      .trimEnd(),
  )
}

export function count(n: number): string {
  return n < 10_000 ? String(n) : n < 10_000_000 ? `${Math.round(n / 1000)}k` : `${(n / 1e6).toFixed(1)}M`
}

export function summary(r: Report): string[] {
  const kills = r.variants > 1 ? String(r.variants - 1) : ''
  const speed = r.ms > 20 ? `${(r.steps / r.ms / 1000).toFixed(1)}M/s` : ''
  return [
    r.name,
    r.how,
    count(r.executions),
    r.stale ? count(r.stale) : '',
    count(r.steps),
    count(r.states),
    kills,
    `${(r.ms / 1000).toFixed(2)}s`,
    speed,
  ]
}
