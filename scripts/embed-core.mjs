// Writes the compiled core into a TypeScript module, so that the package needs no file next to it and no bundler plug-in. Its exports get
// names of one or two letters there: the full ones, in the same order, are in the module beside it.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import binaryen from 'binaryen'

const LIMIT = 16 * 1024

// The marks of killable sections have served check-core.mjs, on this same text.
const text = readFileSync('build/core.wat', 'utf8')
const marks = /i32\.const [01]\s+global\.set \$assembly\/atomics\/section|\((global|export) \S*section\S* [^\n]*\n/g
const module = binaryen.parseText(text.replace(marks, (mark) => (mark.startsWith('i32') ? 'nop' : '\n')))
module.setFeatures(binaryen.Features.Atomics | binaryen.Features.BulkMemory | binaryen.Features.MutableGlobals)
module.runPasses(['vacuum'])
if (/section/.test(module.emitText())) throw new Error('marks of sections are left')
const names = []
for (const info of Array.from({ length: module.getNumExports() }, (_, i) =>
  binaryen.getExportInfo(module.getExportByIndex(i)),
)) {
  if (info.kind === binaryen.ExternalKinds.Memory) {
    module.removeExport(info.name)
    continue
  }
  if (info.kind !== binaryen.ExternalKinds.Function) continue
  module.removeExport(info.name)
  module.addFunctionExport(info.value, names.length.toString(36))
  names.push(info.name)
}
const bytes = module.emitBinary()
if (bytes.length > LIMIT) throw new Error(`the core is ${bytes.length} bytes, more than ${LIMIT}`)
writeFileSync('build/core.wasm', bytes)
mkdirSync('src/generated', { recursive: true })
// The bindings read the layout that the core was compiled with.
copyFileSync('assembly/layout.ts', 'src/generated/layout.ts')
writeFileSync(
  'src/generated/wasm.ts',
  `// Written by scripts/embed-core.mjs.\n/** The exports, which the module calls 0, 1, 2 … in base 36. */\nexport const WASM_EXPORTS =\n  '${names.join(' ')}'\nexport const WASM_BASE64 =\n  '${Buffer.from(bytes).toString('base64')}'\n`,
)
console.log(`core: ${bytes.length} bytes of wasm`)
