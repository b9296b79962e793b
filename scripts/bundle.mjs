// Makes one file of the bindings: importing it costs a third of what importing them file by file does. The platform seam stays apart: the
// package's `imports` map chooses it.
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { rolldown } from 'rolldown'
import { minifySync } from 'rolldown/experimental'

/**
 * The library that `any` reads with becomes a function that makes it, called when the first message is read: a bundler's own wrapper would be
 * compiled at import. Until then the text is only skimmed, so it comes without spaces and comments.
 */
const library = 'node_modules/msgpackr/dist/unpack-no-eval.cjs'
const place = 'return MSGPACKR'
const lazy = {
  name: 'lazy',
  resolveId: (id) => (id === 'msgpackr/unpack-no-eval' ? 'msgpackr.mjs' : null),
  load: (id) => (id === 'msgpackr.mjs' ? `export function makeMsgpackr() { ${place} }` : null),
}

function withLibrary(text) {
  const { code, errors } = minifySync(library, readFileSync(library, 'utf8'), { compress: false })
  if (errors.length > 0 || /\bFunction\b|\beval\b/.test(code)) throw new Error(`${library} is not what it was`)
  if (text.split(place).length !== 2) throw new Error('the bundle has no one place for msgpackr')
  return text.replace(place, () => `const module = {}, exports = {}; ${code.trim()}; return exports`)
}

/**
 * Without comments, but with all names and lines: Node prints the line of an error that nobody has caught. In ASCII, which engines keep in half the memory and
 * need not decode.
 */
function tight(text) {
  const { code, errors } = minifySync('index.js', text, {
    mangle: false,
    compress: false,
    codegen: { removeWhitespace: false },
  })
  if (errors.length > 0) throw new Error(errors.map(({ message }) => message).join('\n'))
  return code.replace(/[\u0080-\uffff]/g, (c) => `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`)
}

const bundle = await rolldown({ input: 'build/js/index.js', external: ['#platform', /^node:/], plugins: [lazy] })
const { output } = await bundle.generate({ format: 'esm' })
await bundle.close()
writeFileSync('dist/index.js', tight(withLibrary(output[0].code)))
mkdirSync('dist/platform', { recursive: true })
for (const name of ['node', 'web']) copyFileSync(`build/js/platform/${name}.js`, `dist/platform/${name}.js`)

// What a runtime starts its workers with.
writeFileSync('dist/worker.js', "import { serveRuntime } from './index.js'\n\nawait serveRuntime()\n")

const { name, version, license } = JSON.parse(readFileSync('node_modules/msgpackr/package.json', 'utf8'))
const text = readFileSync('node_modules/msgpackr/LICENSE', 'utf8')
writeFileSync('dist/THIRD-PARTY.txt', `index.js contains a part of ${name} ${version} (${license}):\n\n${text}`)
