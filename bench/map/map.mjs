// What a ShardedMap costs, against Go's sync.Map and against asking another thread by a message. Run it after `npm run build`:
//
//   node bench/map/map.mjs [rounds]
//
// Nanoseconds an operation takes, the median of the rounds, which take turns. Only the ratios say anything on a shared machine.
import { execFileSync } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { isMainThread, MessageChannel, parentPort, receiveMessageOnPort, Worker, workerData } from 'node:worker_threads'
import { AtomicU32, channel, f64, open, ShardedMap, string, u32 } from 'millrace'

const KEYS = 1024
const N = 1_000_000
const names = Array.from({ length: KEYS }, (_, k) => `key ${k}`)

/** The rows: each does n operations. */
function rowsOf(numbers, texts) {
  return {
    get: (n) => {
      let sum = 0
      for (let i = 0; i < n; i++) sum += numbers.get(i & (KEYS - 1))
      return sum
    },
    set: (n) => {
      for (let i = 0; i < n; i++) numbers.set(i & (KEYS - 1), i)
    },
    'get string': (n) => {
      let sum = 0
      for (let i = 0; i < n; i++) sum += texts.get(names[i & (KEYS - 1)]).length
      return sum
    },
    'set string': (n) => {
      for (let i = 0; i < n; i++) texts.set(names[i & (KEYS - 1)], 'another value')
    },
  }
}

const countOf = (name) => (name.endsWith('string') ? N / 10 : N)

function timed(run, n) {
  const begin = performance.now()
  run(n)
  return ((performance.now() - begin) * 1e6) / n
}

/** Runs the row in this thread while `gate` says that the others do. */
function inStep(gate, parties, round) {
  gate.add(1)
  while (gate.load() < parties * round) {}
}

function worker() {
  const [numbers, texts, gate, ask, answer] = workerData.handles.map((handle) => open(handle))
  const rows = rowsOf(numbers, texts)
  let round = 0
  parentPort.on('message', ({ row, n, port }) => {
    if (port !== undefined) {
      port.on('message', (k) => port.postMessage(k))
    } else if (row === 'messages') {
      for (const k of ask.sync()) answer.sendSync(k)
    } else {
      inStep(gate, 2, ++round)
      parentPort.postMessage(timed(rows[row], n))
    }
  })
}

async function main() {
  const rounds = Number(process.argv[2] ?? 5)
  const folder = fileURLToPath(new URL('../../build/bench/map', import.meta.url))
  mkdirSync(folder, { recursive: true })
  let go
  try {
    execFileSync('go', ['build', '-o', `${folder}/go`, '.'], { cwd: new URL('go', import.meta.url) })
    go = (threads) => JSON.parse(execFileSync(`${folder}/go`, [String(threads), String(N)], { encoding: 'utf8' }))
  } catch {
    console.error('no Go here: its columns are left out')
  }
  const numbers = new ShardedMap(u32, f64, { shards: 64 })
  const texts = new ShardedMap(string, string, { shards: 64 })
  const gate = new AtomicU32(0)
  const [ask, answer] = [channel(f64, { capacity: 1 }), channel(f64, { capacity: 1 })]
  for (let k = 0; k < KEYS; k++) {
    numbers.set(k, k)
    texts.set(names[k], `value ${k}`)
  }
  const rows = rowsOf(numbers, texts)
  const handles = [numbers, texts, gate, ask, answer].map((each) => each.handle)
  const other = new Worker(new URL(import.meta.url), { workerData: { handles } })
  const results = {}
  const note = (name, ns) => {
    results[name] ??= []
    results[name].push(ns)
  }
  for (const row of Object.values(rows)) row(N / 10)
  let step = 0
  for (let round = 0; round < rounds; round++) {
    for (const [name, row] of Object.entries(rows)) {
      const n = countOf(name)
      note(`${name}, 1 thread`, timed(row, n))
      const theirs = new Promise((resolve) => other.once('message', resolve))
      other.postMessage({ row: name, n })
      inStep(gate, 2, ++step)
      note(`${name}, 2 threads`, (timed(row, n) + (await theirs)) / 2)
    }
    for (const threads of go ? [1, 2] : [])
      for (const [name, ns] of Object.entries(go(threads)))
        note(`Go ${name}, ${threads} thread${'s'.slice(threads === 1)}`, ns)
  }
  // Round trips of messages: by MessagePort, then by channels between threads that block.
  const { port1, port2 } = new MessageChannel()
  other.postMessage({ port: port2 }, [port2])
  for (let round = 0; round < rounds; round++) {
    const trips = 2000
    const begin = performance.now()
    for (let k = 0; k < trips; k++) {
      port1.postMessage(k)
      while (receiveMessageOnPort(port1) === undefined) {}
    }
    note('round trip, MessagePort', ((performance.now() - begin) * 1e6) / trips)
  }
  port1.close()
  other.postMessage({ row: 'messages' })
  for (let round = 0; round < rounds; round++) {
    note(
      'round trip, channels',
      timed((n) => {
        for (let k = 0; k < n; k++) {
          ask.sendSync(k)
          answer.receiveSync()
        }
      }, 100_000),
    )
  }
  ask.close()
  await other.terminate()
  const median = (list) => list.sort((a, b) => a - b)[list.length >> 1]
  const ns = Object.fromEntries(Object.entries(results).map(([name, list]) => [name, median(list)]))
  for (const name of Object.keys(ns).filter((each) => !/^Go|^round/.test(each))) {
    const ratio = ns[`Go ${name}`] === undefined ? '' : `${(ns[name] / ns[`Go ${name}`]).toFixed(2)} × Go's sync.Map`
    console.log(`${name.padEnd(24)} ${ns[name].toFixed(0).padStart(7)} ns  ${ratio}`)
  }
  for (const trip of ['round trip, channels', 'round trip, MessagePort'])
    console.log(
      `${trip.padEnd(24)} ${ns[trip].toFixed(0).padStart(7)} ns  ${(ns[trip] / ns['get, 2 threads']).toFixed(1)} × get, 2 threads`,
    )
}

if (isMainThread) await main()
else worker()
