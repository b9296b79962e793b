import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))

export interface Outcome {
  /** Exit code, or the name of the signal. */
  code: number | string
  out: string
  err: string
  ms: number
}

export interface ChildOptions {
  flags?: string[]
  /** Kills the process after that time: the outcome's code is SIGKILL then. */
  limit?: number
  /** Called with everything that was printed so far. */
  onOut?: (out: string, kill: (signal: NodeJS.Signals) => void) => void
}

/** Runs a module's text in a process of its own. `millrace`, `Worker` and so on are there; `worker(text)` starts a worker. */
export function child(text: string, { flags = [], limit = 20_000, onOut }: ChildOptions = {}): Promise<Outcome> {
  const start = performance.now()
  const source = `
    import * as millrace from 'millrace'
    import { Worker } from 'node:worker_threads'
    const { channel, open, f64, u32 } = millrace
    const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms))
    const worker = (text, workerData) => new Worker(
      "Promise.all([import('millrace'), import('node:worker_threads')]).then(async ([millrace, { workerData, parentPort }]) => { const { open } = millrace;" +
      'const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms));' + text + '})', { eval: true, workerData })
    ${text}`
  const process = spawn(globalThis.process.execPath, [...flags, '--input-type=module', '-e', source], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  return new Promise((resolve) => {
    let out = ''
    let err = ''
    process.stdout.on('data', (data) => {
      out += data
      onOut?.(out, (signal) => process.kill(signal))
    })
    process.stderr.on('data', (data) => {
      err += data
    })
    const timer = setTimeout(() => process.kill('SIGKILL'), limit)
    process.on('close', (code, signal) => {
      clearTimeout(timer)
      resolve({ code: code ?? signal ?? '?', out, err, ms: performance.now() - start })
    })
  })
}
