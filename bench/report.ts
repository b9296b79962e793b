// Draws the medians as a bar chart: for each scenario, how many times millrace's time every contender took.

import type { Result } from './runner.js'

const WIDTH = 860
const LEFT = 330
const RIGHT = 70
const BAR = 14
const GAP = 8
const TITLE = 22
const COLOURS: Record<string, string> = {
  millrace: '#0b7285',
  baseline: '#868e96',
  plain: '#e67700',
  bare: '#adb5bd',
  go: '#1c7ed6',
  crossbeam: '#d9480f',
  postMessage: '#5c940d',
  MessagePort: '#94d82d',
  'ringbuf.js': '#862e9c',
  'async-mutex': '#c2255c',
  multithreading: '#5f3dc4',
  WebLocks: '#f08c00',
  piscina: '#2b8a3e',
  tinypool: '#66a80f',
  workerpool: '#a61e4d',
  poolifier: '#364fc7',
}

function escapeText(text: string): string {
  return text.replace(/[&<>]/g, (sign) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;' })[sign] ?? sign)
}

/** An SVG image. Bars are on a logarithmic scale, because contenders lie orders of magnitude apart. */
export function ratioChart(results: readonly Result[]): string {
  const timed = results.filter((result) => result.unit !== '%')
  const scenarios = [...new Set(timed.map((result) => result.scenario))].flatMap((scenario) => {
    const mine = timed.filter((result) => result.scenario === scenario)
    const ours = mine.find((result) => result.contender === 'millrace')?.median
    if (ours === undefined || ours <= 0) return []
    return [{ scenario, bars: mine.map(({ contender, median }) => ({ contender, ratio: median / ours })) }]
  })
  const ratios = scenarios.flatMap(({ bars }) => bars.map(({ ratio }) => ratio)).filter((ratio) => ratio > 0)
  const low = Math.log10(Math.min(0.5, ...ratios))
  const high = Math.log10(Math.max(2, ...ratios))
  const x = (ratio: number) => LEFT + ((Math.log10(ratio) - low) / (high - low)) * (WIDTH - LEFT - RIGHT)
  const parts: string[] = []
  let y = GAP
  for (const { scenario, bars } of scenarios) {
    parts.push(`<text x="8" y="${y + 14}" font-weight="bold">${escapeText(scenario)}</text>`)
    y += TITLE
    for (const { contender, ratio } of bars) {
      if (!(ratio > 0)) continue
      const [from, to] = [Math.min(x(1), x(ratio)), Math.max(x(1), x(ratio), x(1) + 1)]
      const colour = COLOURS[contender.split(' ')[0]] ?? '#495057'
      parts.push(
        `<text x="${LEFT - 130}" y="${y + 11}">${escapeText(contender)}</text>`,
        `<rect x="${from.toFixed(1)}" y="${y}" width="${(to - from).toFixed(1)}" height="${BAR - 2}" fill="${colour}"/>`,
        `<text x="${(to + 4).toFixed(1)}" y="${y + 11}">${ratio.toFixed(2)}</text>`,
      )
      y += BAR
    }
    y += GAP
  }
  parts.push(`<line x1="${x(1)}" x2="${x(1)}" y1="0" y2="${y}" stroke="#212529" stroke-dasharray="2 3"/>`)
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH}" height="${y}" font-family="sans-serif" font-size="11">`,
    `<rect width="${WIDTH}" height="${y}" fill="#fff"/>`,
    ...parts,
    '</svg>\n',
  ].join('\n')
}
