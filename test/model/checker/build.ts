// Builds the core, or a litmus program, with the model checker's hooks.
//
// The sources are copied. In the copies every call of the seam (assembly/atomics.ts) gets one more argument: the number of the place where it
// stands, so that a step can be told as file and line whatever the optimiser has done. A mutant is a copy with one more replacement. The
// code is otherwise the one that ships; `constants` may make a table smaller (MAX_THREADS), never change an algorithm.

import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { threadId } from 'node:worker_threads'

export const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..')
const out = join(root, 'build', 'model')
const SEAM = 'atomics.ts'

export interface Mutation {
  file: string
  /** Text that must occur exactly once (or `times` times) in the file. */
  find: string
  replace: string
  times?: number
}

export interface Recipe {
  /** 'core' is assembly/index.ts; anything else is a file of test/model/litmus/. */
  entry: string
  /** Files of assembly/ that ship as modules of their own and are linked to the core here. What is left out need not be compiled for each mutant. */
  modules?: readonly string[]
  /** Files of assembly/ that are linked instead of all that index.ts exports, where that is enough. */
  core?: readonly string[]
  /** A file of test/model/litmus/ with calls that only the model makes, linked to the core. */
  calls?: string
  mutations?: readonly Mutation[]
  constants?: Readonly<Record<string, number>>
}

export interface Built {
  module: WebAssembly.Module
  /** Site number → `file:line` and the text of that line. */
  sites: readonly { file: string; line: number; text: string }[]
  /** Exports by name, for better messages. */
  layout: Layout
}

export type Layout = Readonly<Record<string, number>>

const FORMAT = 'model-o13'

/** Constants of a layout.ts. */
export function readLayout(source: string): Layout {
  const names = [...source.matchAll(/^export const (\w+)/gm)].map((m) => m[1] as string)
  const body = source.replaceAll('export const', 'const')
  return new Function(`${body}\nreturn { ${names.join(', ')} }`)() as Layout
}

function seamNames(source: string): string[] {
  return [...source.matchAll(/export function (\w+)\(/g)]
    .map((m) => m[1] as string)
    .filter((n) => n !== 'enter' && n !== 'leave')
}

/** The seam's functions take the number of their call's site first, and pass it to the hooks. */
function instrumentSeam(source: string, names: readonly string[]): string {
  let text = source.replace(/declare function (\w+)\(/g, 'declare function $1(site: i32, ')
  for (const name of names)
    text = text.replace(new RegExp(`export function ${name}\\(`), `export function ${name}(site: i32, `)
  text = text.replace(/(?<=[;)] |{ |return )(step|note|modelWait|modelNotify|modelPause)\(/g, '$1(site, ')
  // The end of a section is a place where a thread may be killed, though nothing is read or written there.
  const leave = 'export function leave(): void { section = 0; }'
  if (!text.includes(leave)) throw new Error('atomics.ts: leave() is not what the model expects')
  text = `${text.replace(leave, 'export function leave(): void { section = 0; left(); }')}\n@external("model", "left") declare function left(): void;\n`
  return text.replaceAll('(site: i32, )', '(site: i32)').replaceAll('(site, )', '(site)')
}

function instrument(
  source: string,
  names: readonly string[],
  file: string,
  sites: { file: string; line: number; text: string }[],
): string {
  const call = new RegExp(`(?<![.\\w])(?<!function )(${names.join('|')})\\((\\))?`, 'g')
  return source
    .split('\n')
    .map((line, k) => {
      const code = line.indexOf('//') >= 0 ? line.slice(0, line.indexOf('//')) : line
      return (
        code.replace(call, (_, name, close) => {
          sites.push({ file, line: k + 1, text: line.trim() })
          return `${name}(${sites.length - 1}${close ? ')' : ', '}`
        }) + line.slice(code.length)
      )
    })
    .join('\n')
}

function mutate(source: string, file: string, mutations: readonly Mutation[]): string {
  let text = source
  for (const m of mutations) {
    if (m.file !== file) continue
    const times = text.split(m.find).length - 1
    if (times !== (m.times ?? 1)) throw new Error(`mutation of ${file}: '${m.find}' occurs ${times} times`)
    text = text.replaceAll(m.find, m.replace)
  }
  return text
}

interface Sources {
  /** How much asc optimizes. A mutant is compiled once and caught soon: there the compiler's time counts. */
  optimize: string
  directory: string
  binary: string
  entry: string
  files: ReadonlyMap<string, string>
  sites: Built['sites']
  layout: Layout
}

function read(recipe: Recipe): Sources {
  const assembly = join(root, 'assembly')
  const litmus = join(root, 'test', 'model', 'litmus')
  const files = new Map<string, string>()
  for (const f of readdirSync(assembly)) {
    if (!f.endsWith('.ts') || (recipe.entry !== 'core' && f !== SEAM && f !== 'layout.ts')) continue
    files.set(f, readFileSync(join(assembly, f), 'utf8'))
  }
  const entry = recipe.entry === 'core' ? 'index.ts' : recipe.entry
  if (recipe.entry !== 'core')
    files.set(entry, readFileSync(join(litmus, entry), 'utf8').replaceAll('../../../assembly/', './'))
  if (recipe.calls !== undefined)
    files.set(recipe.calls, readFileSync(join(litmus, recipe.calls), 'utf8').replaceAll('../../../assembly/', './'))
  for (const m of recipe.mutations ?? []) if (!files.has(m.file)) throw new Error(`mutation of unknown file ${m.file}`)
  for (const [file, text] of files) files.set(file, mutate(text, file, recipe.mutations ?? []))
  let layout = files.get('layout.ts') as string
  for (const [name, value] of Object.entries(recipe.constants ?? {})) {
    const pattern = new RegExp(`export const ${name} = [^;]+;`)
    if (!pattern.test(layout)) throw new Error(`layout.ts has no ${name}`)
    layout = layout.replace(pattern, `export const ${name} = ${value};`)
  }
  files.set('layout.ts', layout)
  const names = seamNames(files.get(SEAM) as string)
  const sites: { file: string; line: number; text: string }[] = [{ file: '', line: 0, text: '' }]
  const hash = createHash('sha256')
    .update(FORMAT)
    .update(entry)
    .update(String([recipe.modules, recipe.core]))
  for (const [file, text] of [...files].sort()) {
    hash.update(file).update(text)
    files.set(
      file,
      file === SEAM ? instrumentSeam(text, names) : file === 'layout.ts' ? text : instrument(text, names, file, sites),
    )
  }
  // What ships as modules of their own is linked to the core here, and so is what only the model calls.
  const all = [...(recipe.core ?? [entry.replace('.ts', '')]), ...(recipe.modules ?? [])]
  if (recipe.calls !== undefined) all.push(recipe.calls.replace('.ts', ''))
  const modules = all.map((file) => `export * from "./${file}";\n`).join('')
  const waiting = recipe.entry === 'core' ? 'export { waiter_wait } from "./waiter";\n' : ''
  files.set('model-entry.ts', `${modules}${waiting}export { section } from "./atomics";\n`)
  const directory = join(out, hash.digest('hex').slice(0, 20))
  const optimize = recipe.mutations === undefined ? '-O3' : '-O1'
  return { optimize, directory, binary: join(directory, 'model.wasm'), entry, files, sites, layout: readLayout(layout) }
}

/** What has been prepared in this process: the sources may change while it runs. */
const prepared = new Map<string, Sources>()

/** Compiles the recipe unless that has been done. */
export async function prepare(recipe: Recipe): Promise<void> {
  const key = JSON.stringify(recipe)
  const s = prepared.get(key) ?? read(recipe)
  prepared.set(key, s)
  if (!existsSync(s.binary)) await compile(s)
}

/** The module of a recipe that has been prepared. */
export function build(recipe: Recipe): Built {
  const s = prepared.get(JSON.stringify(recipe))
  if (!s) throw new Error(`${recipe.entry} has not been prepared`)
  return { module: new WebAssembly.Module(readFileSync(s.binary)), sites: s.sites, layout: s.layout }
}

const OPTIONS =
  '--noAssert --runtime stub --enable threads --enable bulk-memory --importMemory --sharedMemory --initialMemory 1 --maximumMemory 65536 --use MODEL=1'

async function compile(s: Sources): Promise<void> {
  mkdirSync(s.directory, { recursive: true })
  // For people who want to look at them.
  for (const [file, text] of s.files) writeFileSync(join(s.directory, file), text)
  const { default: asc } = await import('assemblyscript/asc')
  const { default: binaryen } = await import('binaryen')
  let binary: Uint8Array | undefined
  const { error, stderr } = await asc.main(['model-entry.ts', '-o', 'model.wasm', s.optimize, ...OPTIONS.split(' ')], {
    readFile: (name) => s.files.get(name) ?? null,
    writeFile: (_, contents) => {
      binary = contents as Uint8Array
    },
    listFiles: () => [],
  })
  if (error || !binary)
    throw new Error(
      `cannot compile ${s.entry} (copies in ${s.directory}):\n${stderr.toString()}${error?.message ?? ''}`,
    )
  const m = binaryen.readBinary(binary)
  try {
    const f = binaryen.Features
    m.setFeatures(f.Atomics | f.MutableGlobals | f.BulkMemory | f.BulkMemoryOpt | f.SignExt | f.NontrappingFPToInt)
    // Every mutable global is exported (as $0, $1, …), so that an execution can start from a snapshot of them too.
    for (let i = 0, k = 0; i < m.getNumGlobals(); i++) {
      const g = binaryen.getGlobalInfo(m.getGlobalByIndex(i))
      if (g.mutable && !g.module) m.addGlobalExport(g.name, `$${k++}`)
    }
    binaryen.setOptimizeLevel(2)
    m.runPasses(['asyncify'])
    m.optimize()
    if (!m.validate()) throw new Error(`asyncify of ${s.entry} made an invalid module`)
    const own = `${s.binary}.${process.pid}.${threadId}`
    writeFileSync(own, m.emitBinary())
    renameSync(own, s.binary)
  } finally {
    m.dispose()
  }
}
