// Builds the contenders that are not JavaScript, where their tools are. Nothing is fetched from a network.

import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** The repository's root, seen from build/bench/contenders. */
export const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const OUT = join(ROOT, 'build', 'bench')

export interface Tool {
  name: 'go' | 'crossbeam'
  /** The built program, or undefined with the reason. */
  program?: string
  version?: string
  skipped?: string
}

export function versionOf(command: string, args: string[]): string | undefined {
  const { status, stdout } = spawnSync(command, args, { encoding: 'utf8' })
  return status === 0 ? stdout.trim().split('\n')[0] : undefined
}

export function buildGo(): Tool {
  const version = versionOf('go', ['version'])
  if (version === undefined) {
    return { name: 'go', skipped: 'go is not on the PATH (apt-get install golang-go)' }
  }
  const program = join(OUT, 'go', 'channels')
  mkdirSync(join(OUT, 'go'), { recursive: true })
  const { status, stderr } = spawnSync('go', ['build', '-o', program, '.'], {
    cwd: join(ROOT, 'bench', 'contenders', 'go'),
    encoding: 'utf8',
    env: { ...process.env, GOFLAGS: '', GOPROXY: 'off', GOTOOLCHAIN: 'local', GOWORK: 'off' },
  })
  if (status !== 0) return { name: 'go', version, skipped: `go build failed: ${lastLine(stderr)}` }
  return { name: 'go', version, program }
}

/** Where Debian's packages of Rust sources put them. */
const DEBIAN_CRATES = '/usr/share/cargo/registry'

function debianSource(): string[] {
  if (!existsSync(DEBIAN_CRATES)) return []
  if (!readdirSync(DEBIAN_CRATES).some((name) => name.startsWith('crossbeam-channel-'))) return []
  return [
    '--config',
    'source.crates-io.replace-with="debian"',
    '--config',
    `source.debian.directory=${JSON.stringify(DEBIAN_CRATES)}`,
  ]
}

export function buildCrossbeam(): Tool {
  const rust = versionOf('rustc', ['--version'])
  if (rust === undefined || versionOf('cargo', ['--version']) === undefined) {
    return {
      name: 'crossbeam',
      skipped: 'cargo is not on the PATH (apt-get install cargo librust-crossbeam-channel-dev)',
    }
  }
  const target = join(OUT, 'crossbeam')
  const { status, stderr } = spawnSync(
    'cargo',
    ['build', '--release', '--offline', '--quiet', ...debianSource(), '--target-dir', target],
    { cwd: join(ROOT, 'bench', 'contenders', 'crossbeam'), encoding: 'utf8' },
  )
  if (status !== 0) {
    const help = 'the crate was not found offline (apt-get install librust-crossbeam-channel-dev)'
    return { name: 'crossbeam', skipped: stderr.includes('no matching package') ? help : `cargo: ${lastLine(stderr)}` }
  }
  return { name: 'crossbeam', version: rust, program: join(target, 'release', 'crossbeam-contender') }
}

function lastLine(text: string | null): string {
  return (text ?? '').trim().split('\n').at(-1) ?? ''
}
