// The rows of values: what a message holds, and who takes part.

import type { Entry, Row } from '../rows.js'

const KIB = 1024
const MIB = 1024 * KIB

/** Capacities: of large messages what about fits a processor's caches. */
const MANY = 1024
const CAPACITY_64_KIB = 16
const CAPACITY_1_MIB = 4

function valueRow(scenario: string, style: string, capacity: number, entries: Entry[]): Row {
  return {
    scenario,
    group: 'values',
    measure: 'throughput',
    job: { kind: 'value', style, producers: 1, consumers: 1, capacity, n: 0 },
    entries,
    selection: 'quick',
  }
}

function bytesRow(name: string, size: number, capacity: number): Row {
  // A plain run has no time for everybody: in place matters where the copies do, and a transfer only where it can pay.
  const only = (condition: boolean) => ({ selection: condition ? ('default' as const) : ('full' as const) })
  return valueRow(`bytes ${name} 1:1 cap ${capacity}`, `bytes-${size}`, capacity, [
    { name: 'millrace' },
    { name: 'millrace view', style: `view-${size}`, label: 'in place', ...only(size >= KIB) },
    { name: 'baseline', ...only(false) },
    { name: 'postMessage' },
    { name: 'postMessage transfer', style: `transfer-${size}`, ...(size < MIB && only(false)) },
    { name: 'MessagePort', label: 'receiveMessageOnPort', ...only(false) },
    { name: 'go', label: '[]byte', ...only(size !== 64 * KIB) },
  ])
}

/** What has to be made into bytes and back. */
function textRow(scenario: string, style: string): Row {
  return valueRow(`${scenario} 1:1 cap ${MANY}`, style, MANY, [
    { name: 'millrace' },
    style === 'any' ? { name: 'baseline', label: 'JSON' } : { name: 'baseline', selection: 'full' },
    { name: 'postMessage' },
    { name: 'MessagePort', label: 'receiveMessageOnPort', selection: 'full' },
  ])
}

export const VALUE_ROWS: readonly Row[] = [
  valueRow(`struct of 32 bytes 1:1 cap ${MANY}`, 'struct', MANY, [
    { name: 'millrace' },
    { name: 'baseline' },
    { name: 'postMessage' },
    { name: 'MessagePort', label: 'receiveMessageOnPort', selection: 'full' },
    { name: 'go' },
  ]),
  bytesRow('64 B', 64, MANY),
  bytesRow('1 KiB', KIB, MANY),
  bytesRow('64 KiB', 64 * KIB, CAPACITY_64_KIB),
  bytesRow('1 MiB', MIB, CAPACITY_1_MIB),
  textRow('string of 32', 'string-32'),
  textRow('string of 1 KiB', 'string-1024'),
  textRow('object {id, name, tags}', 'any'),
]
