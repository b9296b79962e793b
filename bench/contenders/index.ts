// How each contender's process is started.

import { fileURLToPath } from 'node:url'
import type { ContenderName } from '../rows.js'
import { Child } from './child.js'
import { buildCrossbeam, buildGo, type Tool } from './tools.js'

const HOST = fileURLToPath(new URL('../harness/host.js', import.meta.url))

/** Names such as `go x64` and `postMessage transfer` are one program doing another thing. */
export function programOf(name: ContenderName): string {
  return name.split(' ')[0]
}

export class Contenders {
  readonly tools: readonly Tool[]

  constructor(needed: ReadonlySet<ContenderName>) {
    this.tools = [
      ...(needed.has('go') || needed.has('go x64') ? [buildGo()] : []),
      ...(needed.has('crossbeam') || needed.has('crossbeam x64') ? [buildCrossbeam()] : []),
    ]
  }

  /** Lines that say who does not take part and how to change that. */
  get skipped(): string[] {
    return this.tools.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`skipped ${name}: ${skipped}`]))
  }

  has(name: ContenderName): boolean {
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
