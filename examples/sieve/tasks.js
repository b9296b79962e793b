// The goroutines of the sieve. Each closes its channel when there is no more: so the end goes down the chain.

/** Sends the numbers from 2. */
export async function generate(below, numbers) {
  for (let n = 2; n < below; n++) await numbers.send(n)
  numbers.close()
}

/** Sends on what the prime does not divide. */
export async function filter(prime, numbers, rest) {
  for await (const n of numbers) if (n % prime !== 0) await rest.send(n)
  rest.close()
}
