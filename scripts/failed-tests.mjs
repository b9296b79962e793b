// What a JSON report of vitest says: `counts` prints passed and failed tests, `files` the files with failed tests, `names` the failed tests.
// Usage: node scripts/failed-tests.mjs counts|files|names report.json
import { readFileSync } from 'node:fs'
import { relative } from 'node:path'

const [what, file] = process.argv.slice(2)
const report = JSON.parse(readFileSync(file, 'utf8'))
const failed = report.testResults.filter(({ status }) => status === 'failed')
if (what === 'counts') console.log(report.numPassedTests, report.numFailedTests)
else if (what === 'files') for (const { name } of failed) console.log(relative(process.cwd(), name))
else {
  for (const { name, message, assertionResults } of failed) {
    const tests = assertionResults.filter(({ status }) => status === 'failed')
    if (tests.length === 0) console.log(`${relative(process.cwd(), name)}: ${message}`)
    for (const { fullName, failureMessages } of tests) {
      console.log(
        `${relative(process.cwd(), name)}: ${fullName}\n  ${failureMessages.join('\n').split('\n').slice(0, 8).join('\n  ')}`,
      )
    }
  }
}
