// Keeps the documentation true: its code runs, its tables agree with the source, its links lead somewhere.

import { execFile } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { beforeAll, describe, expect, test } from 'vitest'

const root = fileURLToPath(new URL('..', import.meta.url))
/** Below the package's root, so that `import 'millrace'` finds the package itself. */
const folder = join(root, 'build/docs')
const pages = [
  ...['README.md'].filter((page) => existsSync(join(root, page))),
  ...readdirSync(join(root, 'docs'))
    .filter((page) => page.endsWith('.md'))
    .map((page) => `docs/${page}`),
]

const read = (path: string): string => readFileSync(join(root, path), 'utf8')

interface Block {
  page: string
  line: number
  language: string
  /** False if marked `no-run`. */
  runs: boolean
  /** The line above a block that does not run, which says why. */
  reason: string
  code: string
}

/** The fenced code blocks of a page. */
function* blocksOf(page: string): Generator<Block> {
  const lines = read(page).split('\n')
  for (let i = 0; i < lines.length; i++) {
    const fence = /^```(\w+)?( no-run)?\s*$/.exec(lines[i] as string)
    if (fence === null) continue
    const start = i
    while (++i < lines.length && lines[i] !== '```') {}
    yield {
      page,
      line: start + 1,
      language: fence[1] ?? '',
      runs: fence[2] === undefined,
      reason: (lines[start - 1] ?? '').trim(),
      code: `${lines.slice(start + 1, i).join('\n')}\n`,
    }
  }
}

const blocks = pages.flatMap((page) => [...blocksOf(page)])
const named = (language: string): (Block & { name: string })[] =>
  blocks
    .filter((block) => block.language === language)
    .map((block) => ({ ...block, name: `${block.page}:${block.line}` }))

const fileOf = (block: Block, extension: string): string =>
  join(folder, `${block.page.replace(/\W+/g, '-')}-${block.line}.${extension}`)

interface Run {
  code: number
  stdout: string
  stderr: string
}

function run(file: string, args: string[], timeout: number): Promise<Run> {
  return new Promise((resolve) => {
    execFile(file, args, { cwd: root, timeout, killSignal: 'SIGKILL' }, (error, stdout, stderr) => {
      resolve({ code: error === null ? 0 : typeof error.code === 'number' ? error.code : -1, stdout, stderr })
    })
  })
}

/**
 * The lines that a block says it prints: the comments behind its console.log calls, `// 1, then 2` for a call that prints twice. Undefined
 * unless every call has one.
 */
function printedBy(code: string): string[] | undefined {
  const calls = code.split('\n').filter((line) => line.includes('console.log('))
  const comments = calls.map((line) => / \/\/ (.*)$/.exec(line)?.[1])
  if (calls.length === 0 || comments.includes(undefined)) return undefined
  return (comments as string[]).flatMap((comment) => comment.split(', then '))
}

beforeAll(() => {
  rmSync(folder, { recursive: true, force: true })
  mkdirSync(folder, { recursive: true })
})

describe('JavaScript of the documentation', () => {
  test('there is some', () => {
    expect(named('js').length).toBeGreaterThan(5)
  })

  for (const block of named('js')) {
    if (block.runs) {
      test(block.name, async () => {
        const file = fileOf(block, 'js')
        writeFileSync(file, block.code)
        const { code, stdout, stderr } = await run(process.execPath, [file], 20_000)
        expect(stderr).toBe('')
        expect(code).toBe(0)
        const expected = printedBy(block.code)
        if (expected !== undefined) expect(stdout.trimEnd().split('\n')).toEqual(expected)
      })
    } else {
      test(`${block.name} says why it does not run`, () => {
        expect(block.reason).toMatch(/\w+ \w+/)
      })
    }
  }
})

describe('TypeScript of the documentation', () => {
  test('type-checks', async () => {
    for (const block of named('ts')) writeFileSync(fileOf(block, 'ts'), block.code)
    writeFileSync(
      join(folder, 'tsconfig.json'),
      JSON.stringify({ extends: '../../test/types/tsconfig.json', include: ['*.ts'] }),
    )
    expect(named('ts').length).toBeGreaterThan(0)
    expect((await run(join(root, 'node_modules/.bin/tsc'), ['-p', folder], 100_000)).stdout).toBe('')
  }, 120_000)
})

describe('memory layout', () => {
  const number = (text: string): number => Number(text.replaceAll('_', ''))
  /** What the comment begins with, if that is the type of a word: `u32`, `u64 × n`, `u32 or u64`. */
  const typeIn = (comment: string | undefined): string =>
    /^[ui](32|64)( or [ui](32|64))?/.exec(comment ?? '')?.[0] ?? ''

  const declared = [...read('assembly/layout.ts').matchAll(/^export const (\w+) = ([^;]+);(?: \/\/ (.*))?$/gm)].map(
    ([, name, value, comment]) => ({ name: name as string, value: number(value as string), type: typeIn(comment) }),
  )
  const documented = [...read('docs/memory-layout.md').matchAll(/^\| `(\w+)` \| (\S+) \| ([^|]*) \| (.*) \|$/gm)].map(
    ([, name, value, type, meaning]) => ({ name, value: number(value as string), type: typeIn(type), meaning }),
  )

  test('the source is read in full', () => {
    expect(declared.length).toBe(read('assembly/layout.ts').match(/^export /gm)?.length)
    expect(declared.filter(({ value }) => Number.isNaN(value))).toEqual([])
  })

  test('names, in the order of the source', () => {
    expect(documented.map(({ name }) => name)).toEqual(declared.map(({ name }) => name))
  })

  test('values', () => {
    const pair = ({ name, value }: { name?: string; value: number }): string => `${name} = ${value}`
    expect(documented.map(pair)).toEqual(declared.map(pair))
  })

  test('types, where the source names one', () => {
    const types = new Map(documented.map(({ name, type }) => [name, type]))
    const wrong = declared.filter(({ name, type }) => type !== '' && types.get(name) !== type)
    expect(wrong).toEqual([])
  })

  test('every constant has a meaning', () => {
    expect(documented.filter(({ meaning }) => meaning === '')).toEqual([])
  })
})

describe('what is tested where', () => {
  /** `SEL-1 … SEL-3, SEL-7` one by one. */
  const idsOf = (text: string): string[] =>
    text.split(', ').flatMap((part) => {
      const [from, to] = part.split(' … ') as [string, string?]
      if (to === undefined) return [from]
      const [kind, first] = from.split('-') as [string, string]
      const count = Number(to.split('-')[1]) - Number(first) + 1
      return Array.from({ length: count }, (_, i) => `${kind}-${Number(first) + i}`)
    })
  const rows = [...read('test/SEMANTICS.md').matchAll(/^\| ([A-Z]+-\d[^|]*) \| ([^|]*) \| ?(.*) ?\|$/gm)].map(
    ([, ids, files, note]) => ({
      ids: idsOf(ids as string),
      files: [...(files as string).matchAll(/`([^`]+)`/g)].map(([, file]) => file as string),
      note: (note as string).trim(),
    }),
  )

  test('the files that a row names have tests for its ids', () => {
    expect(rows.length).toBeGreaterThan(80)
    const missing = rows.flatMap(({ ids, files }) =>
      files.flatMap((file) => {
        const text = read(`test/${file}`)
        return ids.filter((id) => !new RegExp(`\\b${id}\\b`).test(text)).map((id) => `${id} in ${file}`)
      }),
    )
    expect(missing).toEqual([])
  })

  test('a row without a file says why', () => {
    expect(rows.filter(({ files, note }) => files.length === 0 && note === '')).toEqual([])
  })

  test('no id has two rows', () => {
    const ids = rows.flatMap((row) => row.ids)
    expect(ids.filter((id, at) => ids.indexOf(id) !== at)).toEqual([])
  })
})

describe('pages', () => {
  test.each(pages)('%s: its links lead to files and headings', (page) => {
    const heading = (path: string): string[] =>
      [...readFileSync(path, 'utf8').matchAll(/^#+ (.*)$/gm)].map(([, title]) =>
        (title as string)
          .toLowerCase()
          .replace(/[^\p{L}\p{N} _-]/gu, '')
          .replaceAll(' ', '-'),
      )
    const broken = [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
      .map(([, link]) => link as string)
      .filter((link) => !/^https?:/.test(link))
      .filter((link) => {
        const [path, anchor] = link.split('#') as [string, string?]
        const file = path === '' ? join(root, page) : join(root, dirname(page), path)
        return !existsSync(file) || (anchor !== undefined && !heading(file).includes(anchor))
      })
    expect(broken).toEqual([])
  })

  test.each(pages)('%s: the commands that it names exist', (page) => {
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const names = [...read(page).matchAll(/npm run ([\w:]+)/g)].map(([, name]) => name as string)
    expect(names.filter((name) => !(name in scripts))).toEqual([])
  })

  // The tables of the layout are as long as the layout.
  const prose = pages.filter((page) => page.startsWith('docs/') && page !== 'docs/memory-layout.md')
  test.each(prose)('%s: at most 200 lines', (page) => {
    expect(read(page).trimEnd().split('\n').length).toBeLessThanOrEqual(200)
  })
})
