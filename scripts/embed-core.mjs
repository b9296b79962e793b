// Writes the compiled core into a TypeScript module, so that the package needs no file next to it and no bundler plug-in.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'

const LIMIT = 16 * 1024

const bytes = readFileSync('build/core.wasm')
if (bytes.length > LIMIT) throw new Error(`the core is ${bytes.length} bytes, more than ${LIMIT}`)
mkdirSync('src/generated', { recursive: true })
// The bindings read the layout that the core was compiled with.
copyFileSync('assembly/layout.ts', 'src/generated/layout.ts')
writeFileSync(
  'src/generated/wasm.ts',
  `// Written by scripts/embed-core.mjs.\nexport const WASM_BASE64 =\n  '${bytes.toString('base64')}'\n`,
)
console.log(`core: ${bytes.length} bytes of wasm`)
