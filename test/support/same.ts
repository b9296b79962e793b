// Deep equality as structured clone means it: NaN, -0, holes, prototypes, internal slots, order of keys, and which objects are the same object.

const ARRAY_BUFFER_KEYS = ['byteLength']

/** Nothing if `a` and `b` are alike in all that a message can carry; else the path to the first difference. */
export function difference(a: unknown, b: unknown): string | undefined {
  const pairs = new Map<unknown, unknown>()
  const back = new Map<unknown, unknown>()
  return walk(a, b, '$')

  function walk(x: unknown, y: unknown, path: string): string | undefined {
    if (typeof x !== 'object' || x === null || typeof y !== 'object' || y === null) {
      return Object.is(x, y) ? undefined : `${path}: ${String(x)} is not ${String(y)}`
    }
    if (pairs.has(x) || back.has(y)) {
      return pairs.get(x) === y && back.get(y) === x ? undefined : `${path}: other identity`
    }
    pairs.set(x, y)
    back.set(y, x)
    if (Object.getPrototypeOf(x) !== Object.getPrototypeOf(y)) return `${path}: other prototype`
    const tags = [x, y].map((each) => Object.prototype.toString.call(each))
    if (tags[0] !== tags[1]) return `${path}: ${tags[0]} is not ${tags[1]}`
    if (x instanceof Date) return walk(x.getTime(), (y as Date).getTime(), `${path}.getTime()`)
    if (x instanceof RegExp) return walk(`${x} ${x.lastIndex}`, `${y} ${(y as RegExp).lastIndex}`, path)
    if (x instanceof ArrayBuffer) {
      const bytes = (buffer: unknown) => [...new Uint8Array(buffer as ArrayBuffer)].join()
      return keys(x, y, ARRAY_BUFFER_KEYS, path) ?? walk(bytes(x), bytes(y), path)
    }
    if (ArrayBuffer.isView(x)) {
      const bytes = (view: ArrayBufferView) => [...new Uint8Array(view.buffer, view.byteOffset, view.byteLength)].join()
      return walk(bytes(x), bytes(y as ArrayBufferView), path)
    }
    if (x instanceof Map) {
      return entries([...x].flat(1), [...(y as Map<unknown, unknown>)].flat(1), path)
    }
    if (x instanceof Set) return entries([...x], [...(y as Set<unknown>)], path)
    if (['[object Number]', '[object String]', '[object Boolean]', '[object BigInt]'].includes(tags[0]!)) {
      return walk(x.valueOf(), y.valueOf(), path)
    }
    // Errors have theirs hidden.
    const [own, other] = [x, y].map((each) =>
      each instanceof Error ? Object.getOwnPropertyNames(each).sort() : Object.keys(each),
    )
    if (own!.join('\0') !== other!.join('\0')) return `${path}: keys ${own} are not ${other}`
    if (Array.isArray(x) && x.length !== (y as unknown[]).length) return `${path}: other length`
    return keys(x, y, own!, path)
  }

  function keys(x: object, y: object, names: string[], path: string): string | undefined {
    for (const name of names) {
      const found = walk((x as Record<string, unknown>)[name], (y as Record<string, unknown>)[name], `${path}.${name}`)
      if (found !== undefined) return found
    }
    return undefined
  }

  function entries(x: unknown[], y: unknown[], path: string): string | undefined {
    if (x.length !== y.length) return `${path}: other size`
    for (let i = 0; i < x.length; i++) {
      const found = walk(x[i], y[i], `${path}:${i}`)
      if (found !== undefined) return found
    }
    return undefined
  }
}
