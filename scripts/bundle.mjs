// Makes one file of the bindings: importing it costs a third of what importing them file by file does. The platform seam stays apart: the
// package's `imports` map chooses it.
import { copyFileSync, mkdirSync } from 'node:fs'
import { rolldown } from 'rolldown'

const bundle = await rolldown({ input: 'build/js/index.js', external: ['#platform', /^node:/] })
await bundle.write({ file: 'dist/index.js', format: 'esm' })
await bundle.close()
mkdirSync('dist/platform', { recursive: true })
for (const name of ['node', 'web']) copyFileSync(`build/js/platform/${name}.js`, `dist/platform/${name}.js`)
