// Writes what is compiled apart from the core into TypeScript modules: one module of WebAssembly per family of objects, loaded on first use.
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'

/** Name (build/<name>.wasm, src/generated/<name>-wasm.ts) and the most that it may be, in bytes. */
const MODULES = [
  ['pipe', 2048],
  ['sync', 24576],
  ['map', 6144],
  ['runtime', 10240],
  ['deque', 10240],
]

mkdirSync('src/generated', { recursive: true })
for (const [name, limit] of MODULES) {
  const bytes = readFileSync(`build/${name}.wasm`)
  if (bytes.length > limit) throw new Error(`the module ${name} is ${bytes.length} bytes, more than ${limit}`)
  writeFileSync(
    `src/generated/${name}-wasm.ts`,
    `// Written by scripts/embed-modules.mjs.\nexport const WASM_BASE64 =\n  '${bytes.toString('base64')}'\n`,
  )
  console.log(`${name}: ${bytes.length} bytes of wasm`)
}
