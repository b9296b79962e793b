// Runs examples as their users do: each in a process of its own.

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The root of the project. */
export const root = fileURLToPath(new URL('../..', import.meta.url))

export interface Run {
  code: number
  stdout: string
  stderr: string
}

/** Runs an example; a process that hangs is killed and reported with code -1. */
export function run(example: string, ...args: string[]): Promise<Run> {
  return new Promise((resolve) => {
    const options = { cwd: root, timeout: 15_000, killSignal: 'SIGKILL', maxBuffer: 2 ** 28 } as const
    execFile(process.execPath, [join('examples', example, 'main.js'), ...args], options, (error, stdout, stderr) => {
      const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
      resolve({ code, stdout, stderr })
    })
  })
}
