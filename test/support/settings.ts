// How much is tested. `CAPACITIES=0-19` or `CAPACITIES=1,2,64`; `ROUNDS=10` multiplies the number of rounds of the stress-like tests.

function parse(text: string): number[] {
  const range = /^(\d+)-(\d+)$/.exec(text)
  if (range === null) return text.split(',').map(Number)
  const [low, high] = [Number(range[1]), Number(range[2])]
  return Array.from({ length: high - low + 1 }, (_, i) => low + i)
}

export const capacities = parse(process.env.CAPACITIES ?? '0,1,2,3,7,10,100')

export function rounds(n: number): number {
  return Math.ceil(n * Number(process.env.ROUNDS ?? 1))
}
