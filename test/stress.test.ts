import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { seed } from './support/random.js'

const main = fileURLToPath(new URL('./stress/main.mjs', import.meta.url))

test('FIFO-10 FIFO-11 LFS-5 a small run of the stress program', async () => {
  const { stdout } = await promisify(execFile)(process.execPath, [
    main,
    '--only',
    '^channels/',
    '--messages',
    '400000',
    '--seed',
    String(seed),
  ])
  expect(stdout).toMatch(/^seed \d+/)
  expect(stdout).not.toContain('WRONG')
  expect(stdout).toContain('nothing wrong')
}, 120_000)

test('the stress program refuses options that make no sense', async () => {
  for (const options of [
    ['--messages', '0'],
    ['--messages', 'many'],
    ['--seconds=-1'],
    ['--seed', 'x'],
    ['--kills', '1.5'],
    ['--histories', '-1'],
    ['--only', 'nothing of that name'],
    ['--only', '('],
    ['--colour'],
  ]) {
    await expect(promisify(execFile)(process.execPath, [main, ...options])).rejects.toMatchObject({
      code: 2,
      stderr: expect.stringContaining('usage'),
    })
  }
})
