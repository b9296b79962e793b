// The rows of values: what a message holds, and who takes part.

import type { Entry, Row } from '../rows.js'

const KIB = 1024
const MIB = 1024 * KIB

/** Capacities: as many messages as are 64 KiB in sum, or what makes the longest way for larger ones. */
const MANY = 1024
const CAPACITY_64_KIB = 16
const CAPACITY_1_MIB = 4

function valueRow(
  scenario: string,
  style: string,
  capacity: number,
  entries: Entry[],
  selection: Row['selection'],
): Row {
  return {
    scenario,
    group: 'values',
    measure: 'throughput',
    job: { kind: 'value', style, producers: 1, consumers: 1, capacity, n: 0 },
    entries,
    selection,
  }
}

function bytesRow(name: string, size: number, capacity: number): Row {
  const large = size >= MIB
  return valueRow(
    `bytes ${name} 1:1 cap ${capacity}`,
    `bytes-${size}`,
    capacity,
    [
      { name: 'millrace' },
      { name: 'millrace view', style: `view-${size}`, label: 'in place', selection: 'default' },
      { name: 'baseline', selection: 'full' },
      { name: 'postMessage' },
      { name: 'postMessage transfer', style: `transfer-${size}`, ...(!large && { selection: 'full' as const }) },
      { name: 'MessagePort', label: 'receiveMessageOnPort', selection: 'full' },
      { name: 'go', label: '[]byte', selection: 'default' },
    ],
    'quick',
  )
}

/** What has to be made into bytes and back. */
function textRow(scenario: string, style: string, selection: Row['selection']): Row {
  return valueRow(
    `${scenario} 1:1 cap ${MANY}`,
    style,
    MANY,
    [
      { name: 'millrace' },
      { name: 'baseline', ...(style === 'any' && { label: 'JSON' }) },
      { name: 'postMessage' },
      { name: 'MessagePort', label: 'receiveMessageOnPort', selection: 'full' },
    ],
    selection,
  )
}

export const VALUE_ROWS: readonly Row[] = [
  valueRow(
    `struct of 32 bytes 1:1 cap ${MANY}`,
    'struct',
    MANY,
    [
      { name: 'millrace' },
      { name: 'baseline' },
      { name: 'postMessage' },
      { name: 'MessagePort', label: 'receiveMessageOnPort', selection: 'default' },
      { name: 'go' },
    ],
    'quick',
  ),
  bytesRow('64 B', 64, MANY),
  bytesRow('1 KiB', KIB, MANY),
  bytesRow('64 KiB', 64 * KIB, CAPACITY_64_KIB),
  bytesRow('1 MiB', MIB, CAPACITY_1_MIB),
  textRow('string of 32', 'string-32', 'quick'),
  textRow('string of 1 KiB', 'string-1024', 'quick'),
  textRow('object {id, name, tags}', 'any', 'quick'),
]
