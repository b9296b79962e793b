// The Mandelbrot set as a PNG, its rows computed in parallel.
//
//   node examples/mandelbrot/main.js [--width 1200] [--height 800] [--limit 1000] [--procs N] [--out mandelbrot.png]

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { encode } from 'fast-png'
import { numCPU, runtime } from 'millrace'

const { values } = parseArgs({
  options: {
    width: { type: 'string', default: '1200' },
    height: { type: 'string', default: '800' },
    limit: { type: 'string', default: '1000' }, // iterations, of points that belong to the set
    procs: { type: 'string', default: String(numCPU()) },
    out: { type: 'string', default: 'mandelbrot.png' },
  },
})
const [width, height, limit, procs] = [values.width, values.height, values.limit, values.procs].map(Number)

const rt = await runtime(new URL('tasks.js', import.meta.url), { procs })
const begin = performance.now()
const data = new Uint8Array(3 * width * height)
let filled = 0

// Rows of the middle take many times as long as those at the edges: each worker takes the next row when it is done with one.
const rows = Array.from({ length: height }, (_, y) => ({ y, width, height, limit }))
for await (const row of rt.map('renderRow', rows)) {
  data.set(row, filled) // they come in order
  filled += row.length
}
const seconds = (performance.now() - begin) / 1000
await rt.close()

await writeFile(values.out, encode({ width, height, channels: 3, data }))
console.log(`${values.out}: ${width} x ${height}, ${procs} workers, ${seconds.toFixed(2)} s`)
