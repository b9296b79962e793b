// Where and with what a run was made.

import { spawnSync } from 'node:child_process'
import { availableParallelism, cpus } from 'node:os'
import { ROOT, type Tool } from './contenders/tools.js'

export interface Machine {
  cpu: string
  cores: number
  platform: string
}

export interface Versions {
  node: string
  v8: string
  go?: string
  rust?: string
}

export function machine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    cores: availableParallelism(),
    platform: `${process.platform} ${process.arch}`,
  }
}

export function versions(tools: readonly Tool[]): Versions {
  const of = (name: Tool['name']) => tools.find((tool) => tool.name === name)?.version
  return { node: process.version, v8: process.versions.v8, go: of('go'), rust: of('crossbeam') }
}

/** The commit that was measured, where the files come from a repository that has one. */
export function commit(): string | undefined {
  const { status, stdout } = spawnSync('git', ['rev-parse', '--verify', 'HEAD'], { cwd: ROOT, encoding: 'utf8' })
  return status === 0 ? stdout.trim() : undefined
}
