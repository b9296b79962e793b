// Made-up measurements: the same ones for the same number of rows.

const STATIONS = { Cairo: 214, Hamburg: 97, Lima: 192, Oslo: 57, Perth: 187, Quito: 143, Tromsø: 29, Zürich: 93 }
const MEANS = Object.entries(STATIONS)
const CHUNK = 10_000

/** Chunks of lines `station;temperature`. */
export function* inventRows(rows) {
  let seed = 1
  const random = (n) => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0
    return Math.floor((seed / 2 ** 32) * n)
  }
  for (let row = 0; row < rows; ) {
    let lines = ''
    for (const end = Math.min(rows, row + CHUNK); row < end; row++) {
      const [station, mean] = MEANS[random(MEANS.length)]
      lines += `${station};${((mean + random(200) - 100) / 10).toFixed(1)}\n`
    }
    yield Buffer.from(lines)
  }
}
