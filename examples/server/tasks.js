// What the workers of the runtime do.

function isPrime(n) {
  if (n % 2 === 0) return n === 2
  for (let d = 3; d * d <= n; d += 2) if (n % d === 0) return false
  return n > 1
}

/** How many primes there are below a number. Throws as soon as the context is over: it tells so also in the middle of a loop. */
export function countPrimes(ctx, below) {
  let primes = 0
  for (let n = 0; n < below; n++) {
    if (n % 1024 === 0) ctx.throwIfDone()
    if (isPrime(n)) primes++
  }
  return primes
}
