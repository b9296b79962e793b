import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { seed } from './support/random.js'

const main = fileURLToPath(new URL('./stress/main.mjs', import.meta.url))

async function stress(...flags: string[]): Promise<string> {
  const program = [main, '--seed', String(seed), ...flags]
  return (await promisify(execFile)(process.execPath, program)).stdout
}

test('FIFO-10 FIFO-11 LFS-5 a small run of the stress program', async () => {
  const report = await stress('--only', '^channels/', '--messages', '400000')
  expect(report).toMatch(/^seed \d+/)
  expect(report).not.toContain('WRONG')
  expect(report).toContain('nothing wrong')
}, 120_000)

test('SEL-1 SEL-17 SEL-50 rendezvous and selects of many kinds, over several channels and threads', async () => {
  const report = await stress('--only', '^channels/(meet|select|send-to)', '--messages', '150000')
  expect(report).not.toContain('WRONG')
  expect(report).toMatch(/capacities (\d+, )+\d+/)
  expect(report).toContain('nothing wrong')
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
