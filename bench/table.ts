// The tables that a person reads.

import Table from 'cli-table3'
import type { Row } from './rows.js'
import type { Result } from './runner.js'
import type { Verdict } from './targets.js'

function figure(value: number): string {
  if (value >= 1000) return value.toFixed(0)
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2)
}

function makeTable(head: string[], left: number): Table.Table {
  const colAligns = head.map((_, at) => (at < left ? 'left' : 'right') as Table.HorizontalAlignment)
  const quiet = process.stdout.isTTY ? {} : { head: [], border: [] }
  return new Table({ head, colAligns, style: { compact: true, 'padding-left': 1, 'padding-right': 1, ...quiet } })
}

export function resultTable(rows: readonly Row[], results: readonly Result[]): string {
  const head = ['scenario', 'contender', 'median', 'p25', 'p75', 'p99', 'p99.9', 'unit', 'CPU s/M', '× millrace']
  const table = makeTable(head, 2)
  for (const { scenario, bytes } of rows) {
    const mine = results.filter((result) => result.scenario === scenario)
    const ours = mine.find((result) => result.contender === 'millrace')?.median
    mine.forEach((result, at) => {
      const { contender, label, median, p25, p75, p99, p999, unit, cpu, n } = result
      table.push([
        at === 0 ? scenario : '',
        label === undefined ? contender : `${contender} (${label})`,
        ...[median, p25, p75].map(figure),
        ...[p99, p999].map((value) => (value === undefined ? '' : figure(value))),
        bytes === undefined ? unit : `${unit}, ${figure(bytes / median)} GB/s`,
        unit === 'ms' ? '' : figure((cpu / n) * 1e6),
        ours === undefined || ours <= 0 || unit === '%' ? '' : (median / ours).toFixed(2),
      ])
    })
  }
  return table.toString()
}

function wording({ form, limit, against, unit }: Verdict): string {
  if (form === 'faster') return `≥ ${limit} × faster than ${against}`
  if (form === 'least') return `≥ ${limit} ${unit ?? 'ms'}`
  return form === 'time' ? `≤ ${limit} × the time of ${against}` : `≤ ${limit} ${unit ?? 'ms'}`
}

export function targetTable(verdicts: readonly Verdict[]): string {
  const table = makeTable(['row', 'target', 'measured', 'met'], 2)
  for (const verdict of verdicts) {
    const { row, measured, met } = verdict
    table.push([
      row,
      wording(verdict),
      measured === undefined ? 'not measured' : figure(measured),
      met === undefined ? '–' : met ? 'yes' : 'no',
    ])
  }
  return table.toString()
}
