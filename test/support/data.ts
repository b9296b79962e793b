// Values of all kinds that structured clone carries.

export const cycle: Record<string, unknown> = { name: 'root', list: [1, 2] }
cycle.self = cycle
cycle.map = new Map<unknown, unknown>([[cycle, cycle.list]])
cycle.set = new Set([cycle, cycle.map])
;(cycle.list as unknown[]).push(cycle.list, cycle.map)

const point = { x: 1 }
const sparse = Object.assign(new Array(3), { 0: 1, 2: 3 })
const vast: unknown[] = []
vast[1e9] = point
vast[7] = 'seven'
const named = Object.assign([1, 2], { index: 5, extra: point, '-1': 0, '01': 1 })
const buffer = Uint8Array.from({ length: 64 }, (_, i) => i).buffer
const failing = new RangeError('outer', { cause: new TypeError('inner', { cause: { code: 5, at: new Date(0) } }) })
const own = JSON.parse('{"a":1,"__proto__":{"polluted":true},"constructor":2,"toString":null,"b":[{"__proto__":3}]}')
const wide = Object.fromEntries(Array.from({ length: 70_000 }, (_, i) => [`k${i}`, i]))
export const rows = Array.from({ length: 300 }, (_, i) => ({ id: i, 'odd key': null, inner: { a: i / 3, b: `${i}` } }))
export const shapes = Array.from({ length: 120 }, (_, i) => ({ [`f${i % 40}`]: i, same: true }))

export const values: [string, unknown][] = [
  ['undefined', undefined],
  ['null', null],
  ['booleans', [true, false]],
  [
    'integers',
    [
      0,
      1,
      127,
      128,
      255,
      256,
      65535,
      65536,
      2 ** 31,
      2 ** 32 - 1,
      2 ** 32,
      2 ** 53,
      -1,
      -32,
      -33,
      -128,
      -129,
      -32769,
      -(2 ** 31),
      -(2 ** 31) - 1,
    ],
  ],
  ['other numbers', [-0, 0.1, NaN, Infinity, -Infinity, 5e-324, Number.MAX_VALUE, -1.5]],
  ['-0 as root', -0],
  [
    'BigInts',
    [0n, -1n, 2n ** 63n - 1n, 2n ** 63n, -(2n ** 63n), -(2n ** 63n) - 1n, 2n ** 64n, 3n ** 5000n, -(3n ** 5000n)],
  ],
  [
    'strings',
    [
      '',
      'a',
      'x'.repeat(24),
      'x'.repeat(25),
      'é'.repeat(40),
      '日本語',
      '😀'.repeat(30),
      'y'.repeat(300),
      'z'.repeat(70_000),
      'ü'.repeat(70_000),
    ],
  ],
  [
    'strings at the borders of headers',
    [15, 16, 31, 32, 63, 64, 65, 85, 86, 255, 256, 1023, 1024, 21845, 21846, 65535, 65536].flatMap((n) => [
      'a'.repeat(n),
      'é'.repeat(n),
      '語'.repeat(n),
    ]),
  ],
  [
    'lone surrogates',
    [
      '\ud800',
      'a\udc00b',
      '\udc00\ud800',
      `${'long '.repeat(30)}\ud83d`,
      { 'key\ud800': 1 },
      [{ '\udfff': 1 }, { '\udfff': 2 }, { '\udfff': 3 }],
    ],
  ],
  ['byte order marks', ['\ufeff', '\ufeffabc', `\ufeff${'long '.repeat(30)}`, 'a\ufeff', '\0', '\u2028']],
  ['objects', { a: 1, nested: { b: [{ c: {} }] }, 'a b': 1, '': 2 }],
  ['numeric-like keys', { b: 1, 10: 1, 2: 1, a: 1, '-1': 1, '01': 1, 4294967295: 1, 4294967296: 1 }],
  ['__proto__ as own key', own],
  ['no prototype', Object.assign(Object.create(null), { a: 1 })],
  [
    'symbol keys and hidden ones are left out',
    Object.defineProperty({ [Symbol('s')]: 1, a: 1 }, 'hidden', { value: 1 }),
  ],
  ['wide object', wide],
  ['rows of one shape', rows],
  ['many shapes', shapes],
  ['one shape, other order', [{ a: 1, b: 2 }, { b: 1, a: 2 }, { a: 1, b: 2 }, { b: 3, a: 4 }, { a: 1 }, { a: 2 }]],
  [
    'arrays',
    [[], [[]], new Array(14).fill(1), new Array(15).fill(1), new Array(16).fill(1), new Array(70_000).fill('x')],
  ],
  ['holes', sparse],
  ['only holes', [new Array(3), new Array(20), new Array(100_000)]],
  ['vast array', vast],
  ['undefined is no hole', Object.assign(new Array(3), { 0: undefined, 2: undefined })],
  ['match of a regular expression', 'abc'.match(/(?<x>b)/)],
  ['array with properties beside index', named],
  [
    'Map',
    new Map<unknown, unknown>([
      ['a', 1],
      [point, point],
      [NaN, -0],
      [undefined, new Map()],
    ]),
  ],
  ['Set', new Set<unknown>([1, 'a', point, new Set([1]), undefined])],
  ['Dates', [new Date(0), new Date(1.7e12 + 0.5), new Date(-1), new Date(NaN), new Date(8.64e15)]],
  ['regular expressions', [/a/, /[/\]\n]+/giu, /(?:)/y, Object.assign(/x/g, { lastIndex: 3 })]],
  ['boxed primitives', [Object(1), Object(-0), Object('s'), Object(false), Object(5n)]],
  [
    'typed arrays',
    [
      Int8Array,
      Uint8Array,
      Uint8ClampedArray,
      Int16Array,
      Uint16Array,
      Int32Array,
      Uint32Array,
      Float32Array,
      Float64Array,
    ].map((T) => T.of(1, 2, 250)),
  ],
  ['BigInt arrays', [BigInt64Array.of(-1n), BigUint64Array.of(2n ** 63n)]],
  ['empty views', [new Uint8Array(0), new Float64Array(0), new DataView(new ArrayBuffer(0)), new ArrayBuffer(0)]],
  [
    'buffer and views on it',
    {
      buffer,
      part: new Uint8Array(buffer, 8, 4),
      floats: new Float64Array(buffer, 16, 2),
      data: new DataView(buffer, 3, 5),
    },
  ],
  ['views on one buffer', [new Uint8Array(buffer), new Float32Array(buffer, 4, 3), buffer]],
  ['large typed array', new Float64Array(100_000).map((_, i) => i)],
  [
    'errors',
    [
      new Error('e'),
      new EvalError('e'),
      new RangeError('r'),
      new ReferenceError('f'),
      new SyntaxError('s'),
      new TypeError('t'),
      new URIError('u'),
      new Error(''),
      new Error(),
    ],
  ],
  ['error with cause', failing],
  ['error without a stack', Object.assign(new Error('x'), { stack: undefined })],
  ['shared references', { a: point, b: point, c: [point, [point]] }],
  ['a shared array in many', Array.from({ length: 200 }, (_, i) => ({ i, same: rows, point }))],
  ['cycle', cycle],
  [
    'many shared objects',
    (() => {
      const all = Array.from({ length: 50 }, (_, i) => ({ i }))
      return [...all, ...all, new Set(all)]
    })(),
  ],
  [
    'subclasses',
    [
      new (class M extends Map<unknown, unknown> {})([[1, 2]]),
      new (class A extends Array<unknown> {})(1, 2, 3),
      new (class D extends Date {})(5),
    ],
  ],
  [
    'shared Date, RegExp, Map, typed array',
    (() => {
      const all = [new Date(1), /r/, new Map(), Uint8Array.of(1), new Error('e'), Object(1)]
      return [...all, ...all]
    })(),
  ],
]
