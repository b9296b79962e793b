// Proves on the compiled text of the core what the design stands on, and fails the build when it stops being true:
//   no data segment            (each instantiation would overwrite shared memory)
//   no global of shared state  (globals are per instance: only those named below may change)
//   no import but the memory   (and so no trace of the model checker's hooks)
//   no futex wait              (threads sleep in src/wait.ts: an engine loses values that a function holds across the instruction)
//   killable sections          (between enter() and leave() there is no loop, no call and no way out: engines stop a thread only
//                               at function entries and loop back-edges, so a section happens wholly or not at all)
// Usage: node scripts/check-core.mjs [file.wat …]
import { readFileSync } from 'node:fs'
import { basename } from 'node:path'
import { pathToFileURL } from 'node:url'

const MUTABLE_GLOBALS = new Set(['atomics/section', 'thread/self'])
const SECTION = 'atomics/section'

/** All complaints about a module's text. */
export function check(text) {
  const complaints = []
  if (/^\s*\(data\b/m.test(text)) complaints.push('there is a data segment')
  for (const [, name] of text.matchAll(/^\s*\(global (\S+) \(mut /gm)) {
    if (!MUTABLE_GLOBALS.has(baseName(name)))
      complaints.push(`the global ${name} may change and is not one of ${[...MUTABLE_GLOBALS].join(', ')}`)
  }
  for (const [line] of text.matchAll(/^\s*\(import .*$/gm)) {
    if (!/\(memory /.test(line)) complaints.push(`there is an import beside the memory: ${line.trim()}`)
  }
  if (/\bmemory\.atomic\.wait/.test(text)) complaints.push('there is a futex wait: threads sleep in src/wait.ts')
  let sections = 0
  for (const { name, lines } of functionsOf(text)) {
    const result = checkSections(lines)
    sections += result.entered
    for (const complaint of result.complaints) complaints.push(`${name}: ${complaint}`)
  }
  if (sections === 0) complaints.push('there is no killable section at all: has the marker been optimized away?')
  return { complaints, sections }
}

function baseName(name) {
  return name.replace(/^\$(assembly\/)?/, '')
}

function* functionsOf(text) {
  let current
  for (const raw of text.split('\n')) {
    const start = /^ \(func (\S+)/.exec(raw)
    if (start) current = { name: start[1], lines: [] }
    else if (current && raw === ' )') {
      yield current
      current = undefined
    } else if (current) current.lines.push(raw.trim())
  }
}

/**
 * Follows the control flow of one function in the flat text form. The state is whether the code is inside a section; where branches meet, it is
 * inside if any of them is.
 */
export function checkSections(lines) {
  const complaints = []
  const frames = [] // { kind, label, out: state at the end by branches, before: state at `if` }
  let inside = false // state here; undefined where no code gets
  let entered = 0
  let constant
  const join = (a, b) => (a === undefined ? b : b === undefined ? a : a || b)
  const leaveTo = (label) => {
    const frame = frames.findLast((each) => each.label === label)
    if (!frame) return inside && complaints.push(`leaves the function by ${label} inside a section`)
    if (frame.kind === 'loop') {
      if (inside) complaints.push(`goes back to ${label} inside a section`)
    } else frame.out = join(frame.out, inside)
  }
  lines.forEach((line, index) => {
    const [op, label] = line.split(/\s+/)
    if (op === 'i32.const') constant = Number(label)
    else if (op === 'block' || op === 'loop' || op === 'if') {
      if (op === 'loop' && inside) complaints.push(`line ${index}: a loop inside a section`)
      frames.push({ kind: op, label: label?.startsWith('$') ? label : undefined, out: undefined, before: inside })
    } else if (op === 'else') {
      const frame = frames.at(-1)
      frame.out = join(frame.out, inside)
      inside = frame.before
      frame.kind = 'else'
    } else if (op === 'end') {
      const frame = frames.pop()
      inside = join(inside, frame.out)
      if (frame.kind === 'if') inside = join(inside, frame.before)
    } else if (op === 'br' || op === 'br_if') {
      leaveTo(label)
      if (op === 'br') inside = undefined
    } else if (op === 'br_table') {
      for (const each of line.split(/\s+/).slice(1)) leaveTo(each)
      inside = undefined
    } else if (op === 'return' || op === 'unreachable') {
      if (inside && op === 'return') complaints.push(`line ${index}: returns inside a section`)
      inside = undefined
    } else if (op === 'call' || op === 'call_indirect' || op === 'memory.grow' || op.startsWith('memory.atomic.wait')) {
      if (inside) complaints.push(`line ${index}: ${line} inside a section`)
    } else if (op === 'global.set' && baseName(label) === SECTION) {
      if (inside !== undefined) inside = constant === 1
      if (constant === 1) entered++
    }
  })
  if (inside) complaints.push('ends inside a section')
  return { complaints, entered }
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const files = process.argv.length > 2 ? process.argv.slice(2) : ['build/core.wat']
  let failed = false
  for (const file of files) {
    const { complaints, sections } = check(readFileSync(file, 'utf8'))
    for (const complaint of complaints) console.error(`check-core: ${file}: ${complaint}`)
    if (complaints.length > 0) failed = true
    else {
      console.log(
        `${basename(file, '.wat')}: ${sections} killable sections proved free of loops and calls; no data, no shared globals, no imports but the memory, no futex wait`,
      )
    }
  }
  if (failed) process.exit(1)
}
