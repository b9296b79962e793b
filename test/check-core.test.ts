// The build check of the core, and that it finds what it looks for.
import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { check, checkSections } from '../scripts/check-core.mjs'

const text = readFileSync('build/core.wat', 'utf8')
const enter = ['i32.const 1', 'global.set $atomics/section']
const leave = ['i32.const 0', 'global.set $atomics/section']

describe('check-core', () => {
  test('the core of the release build passes', () => {
    const { complaints, sections } = check(text)
    expect(complaints).toEqual([])
    expect(sections).toBeGreaterThan(20)
  })

  test.each([
    ['a data segment', text.replace('(module', '(module\n (data (i32.const 0) "x")'), /data segment/],
    [
      'a new global',
      text.replace('(module', '(module\n (global $assembly/ring/count (mut i32) (i32.const 0))'),
      /may change/,
    ],
    ['a hook', text.replace('(module', '(module\n (import "model" "step" (func $step (param i32)))'), /import/],
    ['a futex wait', text.replace('(func', '(func $sleep\n  memory.atomic.wait32\n )\n (func'), /futex wait/],
    ['no marker', text.replaceAll('global.set $assembly/atomics/section', 'drop'), /no killable section/],
  ])('finds %s', (_what, broken, complaint) => {
    expect(broken).not.toBe(text)
    expect(check(broken).complaints.join('\n')).toMatch(complaint)
  })

  test.each([
    ['a call', [...enter, 'call $other', ...leave], 1],
    ['a loop', [...enter, 'loop $a', 'end', ...leave], 1],
    ['a back-edge', ['loop $a', ...enter, 'br_if $a', ...leave, 'end'], 1],
    ['a return', [...enter, 'return'], 1],
    ['a futex wait', [...enter, 'memory.atomic.wait32', ...leave], 1],
    ['a path that stays inside', [...enter, 'local.get 0', 'if', ...leave, 'end'], 1],
    ['nothing in a plain section', [...enter, 'i32.atomic.store', ...leave, 'call $other'], 0],
    [
      'nothing when both branches leave',
      [...enter, 'if', ...leave, 'call $a', 'else', ...leave, 'end', 'loop $b', 'end'],
      0,
    ],
    [
      'nothing when the failed path leaves before it goes back',
      ['loop $a', ...enter, 'if', ...leave, 'br $a', 'end', ...leave, 'end'],
      0,
    ],
  ])('in a section, finds %s', (_what, lines, found) => {
    expect(checkSections(lines).complaints.length > 0).toBe(found === 1)
  })
})
