// The Mandelbrot set as a PNG, its rows computed in parallel.
//
//   node examples/mandelbrot/main.js [--width 1200] [--height 800] [--limit 1000] [--procs N] [--out mandelbrot.png]

import { writeFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { encode } from 'fast-png'
import { Arena, numCPU, runtime, SharedArray, u8 } from 'millrace'

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

// The image lies in the arena, in a block whose size is a power of two, and the workers write to it where it is.
const size = 3 * width * height
const arena = new Arena({ size: 2 ** 24 + 2 * size })
const pixels = new SharedArray(u8, size, { arena })
const rt = await runtime(new URL('tasks.js', import.meta.url), { procs, arena })
const begin = performance.now()
// Rows of the middle take many times as long as those at the edges: each worker takes the next few when it is done with some.
await rt.parallelFor('renderRows', height, { chunk: 4 }, pixels, { width, height, limit })
const seconds = (performance.now() - begin) / 1000
await rt.close()

await writeFile(values.out, encode({ width, height, channels: 3, data: pixels.array }))
console.log(`${values.out}: ${width} x ${height}, ${procs} workers, ${seconds.toFixed(2)} s`)
