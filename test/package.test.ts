// What a stranger gets: the packed tarball, installed into an empty folder, runs the README's first example from JavaScript and TypeScript.
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'

const root = resolve(import.meta.dirname ?? '.', '..')
const folder = mkdtempSync(join(tmpdir(), 'millrace-'))
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'))

function run(command: string, args: string[], cwd = folder): string {
  return execFileSync(command, args, { cwd, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] })
}

/** The first code block of the README. */
function firstExample(): string {
  const block = /```js\n([\s\S]*?)```/.exec(readFileSync(join(root, 'README.md'), 'utf8'))
  if (!block) throw new Error('README.md has no ```js block')
  return block[1] as string
}

interface Packed {
  filename: string
  size: number
  files: { path: string }[]
}

let packed: Packed

beforeAll(() => {
  packed = JSON.parse(run('npm', ['pack', '--json', '--pack-destination', folder, '--ignore-scripts'], root))[0]
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ type: 'module' }))
  run('npm', ['install', '--offline', '--no-audit', '--no-fund', join(folder, packed.filename)])
}, 60_000)

afterAll(() => rmSync(folder, { recursive: true, force: true }))

describe('the package', () => {
  test('holds what is needed and nothing else', () => {
    const paths = packed.files.map((file) => file.path)
    expect(paths).toContain('dist/index.js')
    expect(paths).toContain('dist/index.d.ts')
    const strange = paths.filter(
      (path) =>
        !/^(package\.json|README\.md|LICENSE|dist\/THIRD-PARTY\.txt|dist\/[\w/.-]+\.(js|d\.ts))$/.test(path) ||
        /test|bench/.test(path),
    )
    expect(strange).toEqual([])
  })

  test('has no runtime dependency and says which Node it needs', () => {
    expect(manifest.dependencies ?? {}).toEqual({})
    expect(manifest.engines.node).toBe('>=20')
    expect(manifest.type).toBe('module')
  })

  test('embeds a core of at most 16 KiB, without hooks', () => {
    const wasm = readFileSync(join(root, 'build', 'core.wasm'))
    expect(wasm.length).toBeLessThanOrEqual(16 * 1024)
    const module = new WebAssembly.Module(wasm)
    expect(WebAssembly.Module.imports(module)).toEqual([{ module: 'env', name: 'memory', kind: 'memory' }])
  })

  test("runs the README's first example from JavaScript", () => {
    writeFileSync(join(folder, 'first.mjs'), firstExample())
    expect(run(process.execPath, ['first.mjs']).trim()).not.toBe('')
  })

  test("type-checks the README's first example as TypeScript, and runs it", () => {
    const source = join(folder, 'ts')
    mkdirSync(source, { recursive: true })
    writeFileSync(join(source, 'first.ts'), firstExample())
    const compilerOptions = {
      strict: true,
      // A task has parameters, whose types are what one adds in TypeScript.
      noImplicitAny: false,
      target: 'es2022',
      module: 'nodenext',
      lib: ['es2023', 'esnext.disposable', 'dom'],
      types: ['node'],
      typeRoots: [join(root, 'node_modules', '@types')],
      outDir: join(folder, 'out'),
    }
    writeFileSync(join(source, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['first.ts'] }))
    run(process.execPath, [join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', source])
    expect(run(process.execPath, [join(folder, 'out', 'first.js')]).trim()).not.toBe('')
  }, 30_000)
})
