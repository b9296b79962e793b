// Shared arrays: elements follow the codec. Compiled, never run.

import {
  bool,
  defaultArena,
  f64,
  fixedBytes,
  type Handle,
  i16,
  i64,
  open,
  type Runtime,
  SharedArray,
  string,
  u8,
  unit,
} from 'millrace'
import { check, type Same } from './support.js'

const pixels = new SharedArray(u8, 10)
check<Same<typeof pixels, SharedArray<Uint8Array>>>()
check<Same<typeof pixels.array, Uint8Array>>()
const longs = new SharedArray(i64, 10, { arena: defaultArena() })
check<Same<typeof longs.array, BigInt64Array>>()
for (const each of longs) check<Same<typeof each, bigint>>()
for (const each of new SharedArray(f64, 2)) check<Same<typeof each, number>>()
const anyArray: SharedArray = pixels
const lengthOf: number = anyArray.length
// @ts-expect-error
new SharedArray(bool, 1)
// @ts-expect-error
new SharedArray(unit, 1)
// @ts-expect-error
new SharedArray(string, 1)
// @ts-expect-error
new SharedArray(fixedBytes(1), 1)
// @ts-expect-error it has a length
new SharedArray(f64)
// @ts-expect-error
longs.array[0] = 1
// @ts-expect-error
pixels.length = 5
// @ts-expect-error
pixels.array = new Uint8Array(1)

// Handles, tasks.
const other = open(new SharedArray(i16, 3).handle)
check<Same<typeof other, SharedArray<Int16Array>>>()
const given: Handle<SharedArray<Uint8Array>> = pixels.handle
interface Tasks {
  render(from: number, to: number, pixels: SharedArray<Uint8Array>): void
  pixel(at: number): SharedArray<Uint8Array>
}
async function tasks(rt: Runtime<Tasks>): Promise<void> {
  await rt.parallelFor('render', 10, {}, pixels)
  // @ts-expect-error other elements
  await rt.parallelFor('render', 10, {}, longs)
  check<Same<Awaited<ReturnType<typeof made>>, SharedArray<Uint8Array>>>()
  function made() {
    return rt.go('pixel', 1)
  }
}

export { given, lengthOf, tasks }
