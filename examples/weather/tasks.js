// What the workers of the runtime do.

const decoder = new TextDecoder()

/** By station: how many measurements, their sum, the lowest and the highest. In tenths of a degree, so that sums are exact. */
export function summarize(lines) {
  const stations = new Map()
  for (const line of decoder.decode(lines).split('\n')) {
    if (line === '') continue
    const [station, text] = line.split(';')
    const tenths = Math.round(Number(text) * 10)
    if (Number.isNaN(tenths)) throw new Error(`no temperature: ${line}`)
    const found = stations.get(station)
    if (found === undefined) stations.set(station, { count: 1, sum: tenths, min: tenths, max: tenths })
    else {
      found.count++
      found.sum += tenths
      if (tenths < found.min) found.min = tenths
      if (tenths > found.max) found.max = tenths
    }
  }
  return stations
}
