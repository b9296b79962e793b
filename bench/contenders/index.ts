// How each contender's process is started.

import { fileURLToPath } from 'node:url'
import type { ContenderName } from '../rows.js'
import { Child } from './child.js'
import { engineLacks } from './engine.js'
import { buildCrossbeam, buildGo, type Tool } from './tools.js'

const HOST = fileURLToPath(new URL('../harness/host.js', import.meta.url))

/** Names such as `go x64` and `postMessage transfer` are one program doing another thing. */
export function programOf(name: ContenderName): string {
  return name.split(' ')[0]
}

export class Contenders {
  readonly tools: readonly Tool[]
  /** Those that this version of Node can't run, and why. */
  readonly #lacking: ReadonlyMap<string, string>

  constructor(needed: ReadonlySet<ContenderName>) {
    this.#lacking = engineLacks([...needed].map(programOf))
    this.tools = [
      ...(needed.has('go') || needed.has('go x64') ? [buildGo()] : []),
      ...(needed.has('crossbeam') || needed.has('crossbeam x64') ? [buildCrossbeam()] : []),
    ]
  }

  /** Lines that say who does not take part and how to change that. */
  get skipped(): string[] {
    return [
      ...this.tools.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`skipped ${name}: ${skipped}`])),
      ...[...this.#lacking].map(([name, reason]) => `skipped ${name}: ${reason}`),
    ]
  }

  has(name: ContenderName): boolean {
    if (this.#lacking.has(programOf(name))) return false
    const tool = this.#toolOf(name)
    return tool === undefined || tool.program !== undefined
  }

  start(name: ContenderName): Child {
    const program = this.#toolOf(name)?.program
    return program === undefined
      ? new Child(name, process.execPath, [HOST, programOf(name)])
      : new Child(name, program, [])
  }

  #toolOf(name: ContenderName): Tool | undefined {
    const plain = programOf(name)
    if (plain !== 'go' && plain !== 'crossbeam') return undefined
    return this.tools.find((tool) => tool.name === plain) ?? { name: plain, skipped: 'not built' }
  }
}
