// Prints what was found in the log.

const BARS = '▁▂▃▄▅▆▇█'
const number = (n) => n.toLocaleString('en')
const clock = (minute) => new Date(minute * 60_000).toISOString().slice(11, 16)

export function print({ totals, size, seconds }, workers) {
  const { requests, bytes, malformed, methods, statuses, minutes, paths, top, p50, p99 } = totals
  const share = ([name, count]) => `${name} ${((100 * count) / requests).toFixed(1)} %`
  const busiest = Math.max(...minutes.map(([, count]) => count))
  const bars = minutes.map(([, count]) => BARS[Math.ceil((count / busiest) * BARS.length) - 1]).join('')
  const memory = process.resourceUsage().maxRSS / 1024

  console.log(`${number(requests)} requests, ${(bytes / 1e9).toFixed(1)} GB sent, ${number(malformed)} malformed lines`)
  console.log(`methods      ${methods.map(share).join(', ')}`)
  console.log(`status       ${statuses.map(([digit, count]) => share([`${digit}xx`, count])).join(', ')}`)
  console.log(`took         p50 ${p50} ms, p99 ${number(p99)} ms`)
  if (requests > 0) {
    const [first, last] = [minutes[0][0], minutes[minutes.length - 1][0]]
    console.log(`per minute   ${bars} ${clock(first)} to ${clock(last)}, at most ${number(busiest)}`)
  }
  console.log(`paths        ${number(paths)}, the most frequent:`)
  for (const [path, count] of top) console.log(`${number(count).padStart(12)} ${path}`)
  const speed = `${(size / 1e6).toFixed(1)} MB in ${seconds.toFixed(2)} s, ${(size / 1e6 / seconds).toFixed(0)} MB/s`
  console.log(`${workers} worker${workers === 1 ? '' : 's'}: ${speed}; at most ${memory.toFixed(0)} MB of memory`)
}
