// A contender's process, driven line by line.

import { type ChildProcess, spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { expected, formatJob, type Job, type Reply } from '../harness/protocol.js'

/** No run takes nearly as long: whoever needs more hangs. */
const TIMEOUT_MS = 30_000

/** A contender lost or invented a message. Nothing else that it said can be trusted. */
export class WrongSumError extends Error {}

const alive = new Set<ChildProcess>()
process.on('exit', () => {
  for (const child of alive) child.kill('SIGKILL')
})

export class Child {
  /** Compiled ahead of time: there is no engine that has to warm up. */
  readonly native: boolean
  readonly #process: ChildProcess
  readonly #name: string
  #answer: ((line: string | Error) => void) | undefined
  #ended: Error | undefined

  constructor(name: string, command: string, args: string[]) {
    this.#name = name
    this.native = command !== process.execPath
    this.#process = spawn(command, args, { stdio: ['pipe', 'pipe', 'inherit'] })
    alive.add(this.#process)
    this.#process.on('error', (error) => this.#end(error))
    this.#process.on('exit', (code, signal) => this.#end(new Error(`the process ended (${signal ?? code})`)))
    const { stdin, stdout } = this.#process
    stdin?.on('error', () => {}) // the exit event tells
    if (stdout) createInterface({ input: stdout }).on('line', (line) => this.#settle(line))
  }

  async run(job: Job): Promise<Reply> {
    const line = await new Promise<string | Error>((resolve) => {
      if (this.#ended) return resolve(this.#ended)
      const timer = setTimeout(() => this.#settle(new Error(`no answer in ${TIMEOUT_MS} ms`)), TIMEOUT_MS)
      this.#answer = (answer) => {
        clearTimeout(timer)
        resolve(answer)
      }
      this.#process.stdin?.write(`${formatJob(job)}\n`)
    })
    if (line instanceof Error) throw new Error(`${this.#name}: ${formatJob(job)}: ${line.message}`)
    const reply = JSON.parse(line) as Reply & { error?: string }
    if (reply.error !== undefined) throw new Error(`${this.#name}: ${formatJob(job)}: ${reply.error}`)
    const { count, sum } = expected(job)
    if (reply.count !== count || reply.sum !== sum) {
      throw new WrongSumError(
        `${this.#name}: ${formatJob(job)}: expected ${count} messages with sum ${sum}, got ${reply.count} with ${reply.sum}`,
      )
    }
    return reply
  }

  kill(): void {
    this.#process.kill('SIGKILL')
  }

  #end(reason: Error): void {
    alive.delete(this.#process)
    this.#ended ??= reason
    this.#settle(reason)
  }

  #settle(answer: string | Error): void {
    const settle = this.#answer
    this.#answer = undefined
    settle?.(answer)
  }
}
