import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'

const run = promisify(execFile)
const root = fileURLToPath(new URL('..', import.meta.url))
const tsc = fileURLToPath(new URL('../node_modules/.bin/tsc', import.meta.url))

/** Errors that the type checker reports for a project. */
async function compile(project: string): Promise<string> {
  return run(tsc, ['-p', project], { cwd: root }).then(
    () => '',
    (error) => String(error.stdout) + String(error.stderr),
  )
}

test('DIR-1 DIR-2 DIR-3 DIR-5 what must not compile does not, and the rest does', async () => {
  expect(await compile('test/types')).toBe('')
}, 120_000)

test('the tests themselves compile', async () => {
  expect(await compile('test')).toBe('')
}, 120_000)
