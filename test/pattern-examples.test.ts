// The examples in the docstrings of src/patterns run: as they are written there, with what they take for given.

import { readdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import * as millrace from 'millrace'
import { describe, expect, test } from 'vitest'
import { noComplaints } from './support/complaints.js'

noComplaints()

const folder = fileURLToPath(new URL('../src/patterns/', import.meta.url))

interface Example {
  name: string
  code: string
}

const examples: Example[] = readdirSync(folder).flatMap((file) => {
  const text = readFileSync(folder + file, 'utf8')
  return [...text.matchAll(/ \* @example\n([\s\S]*?)\n *\*\//g)].map(([, code], i) => ({
    name: `${file} ${i + 1}`,
    code: (code as string).replace(/^ *\* ?/gm, ''),
  }))
})

/** What each example takes for given, and what must hold after it. */
const given: Record<string, { before: string; after: string }> = {
  'batch.ts 1': {
    before: 'const records = [1, 2, 3]; const rows0 = []; const insert = async (rows) => rows0.push(...rows)',
    after: 'rows0.length === 3',
  },
  'fan-in.ts 1': {
    before: "const [stdin, socket, channel] = [['a'], ['quit', 'b'], ['c']]",
    after: 'lines.closed === false',
  },
  'fan-out.ts 1': {
    before: 'const jobs = [1, 2, 3, 4, 5]; const handled = []; const handle = async (job) => handled.push(job)',
    after: 'handled.length === 5',
  },
  'map.ts 1': {
    before:
      "const urls = ['a', 'bc']; const fetch = async (url) => ({ arrayBuffer: async () => new ArrayBuffer(url.length) })",
    after: "sizes.join() === '1,2'",
  },
  'parallel-for.ts 1': {
    before: 'const image = { height: 100 }; let rows = 0; const renderRows = async (from, to) => { rows += to - from }',
    after: 'rows === 100',
  },
  'pipeline.ts 1': {
    before:
      "const paths = ['a', '', 'bc']; const readFile = async (path) => path; const console = { log: (n) => seen.push(n) }; const seen = []",
    after: "seen.join() === '1,2'",
  },
  'pub-sub.ts 1': { before: 'const { any, PubSub } = millrace', after: 'mine.length === 0 && (hub.dispose(), true)' },
  'rate-limit.ts 1': {
    before:
      "const limiter = rateLimit({ rate: 1000, burst: 2 }); const urls = ['a', 'b', 'c']; let n = 0; const fetch = async () => n++",
    after: 'n === 3',
  },
  'rate-limit.ts 2': {
    before: 'const requests = [1, 2, 3]; let n = 0; const send = async () => n++',
    after: 'n === 3',
  },
  'tee.ts 1': {
    before:
      'const events = [1, 2, 3]; const got = []; const save = async (from) => { for await (const e of from) got.push(e) }; const show = save',
    after: 'got.length === 6',
  },
  'topic.ts 1': { before: '', after: 'mine.length === 0 && (prices.dispose(), true)' },
  'worker-pool.ts 1': {
    before: "const paths = ['a', 'bc']; const readFile = async (path) => path",
    after: "sizes.join() === '1,2'",
  },
}

describe('examples of patterns', () => {
  test('each has what it takes for given', () => {
    expect(examples.map(({ name }) => name).sort()).toEqual(Object.keys(given).sort())
  })

  test.each(examples)('$name', async ({ name, code }) => {
    const { before, after } = given[name] as { before: string; after: string }
    // Not all engines know `using`, and it is in a scope of its own here anyway.
    const text = code.replace(/\busing (\w+ =)/g, 'const $1')
    const own = new Set([...before.matchAll(/(?:const|let) (\w+)|[[{,] ?(\w+)(?=[,\]} ])/g)].map(([, a, b]) => a ?? b))
    const names = Object.keys(millrace).filter((each) => !own.has(each))
    const body = `return (async () => { const { ${names.join(', ')} } = millrace\n${before}\n${text}\nreturn ${after} })()`
    expect(await new Function('millrace', body)(millrace)).toBe(true)
  })
})
