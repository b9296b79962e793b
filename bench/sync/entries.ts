// What the rows with a map hold: keys all over the range of u32, values that tell whether they belong to their key.

const SPREAD = 0x9e3779b1

export function keyOf(index: number): number {
  return Math.imul(index + 1, SPREAD) >>> 0
}

export function valueFor(key: number): number {
  return key * 0.5
}

/** The keys in the order in which thread `index` asks for them: all, again and again; the number of entries is a power of two. */
export function keysFor(entries: number, index: number): Uint32Array {
  return Uint32Array.from({ length: entries }, (_, at) => keyOf((at * 7 + index * 13) & (entries - 1)))
}
