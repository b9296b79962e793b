// Starts the soak (soak.mjs) in an environment in which freed memory goes back to the system at once. Without it, glibc's allocator keeps the
// freed buffers of sixteen threads in as many pools, and resident memory says more about those than about the messages.

import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { fileURLToPath } from 'node:url'

const env = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: String(64 * 1024),
  MALLOC_TRIM_THRESHOLD_: String(128 * 1024),
}
const script = fileURLToPath(new URL('./soak.mjs', import.meta.url))
const child = spawn(process.execPath, [script, ...process.argv.slice(2)], {
  env: { ...env, ...process.env },
  stdio: 'inherit',
})
// The terminal sends Ctrl+C to both: the child ends, and then this one.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => child.kill())
child.on('exit', (code, signal) => {
  process.exitCode = code ?? 128 + (constants.signals[signal] ?? 0)
})
