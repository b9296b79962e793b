/** Nanoseconds on the monotonic clock, the same for all threads of a process (`performance.now()` is not). */
export function nowNs(): number {
  return Number(process.hrtime.bigint())
}

/** Keeps this thread's core busy for `ns` nanoseconds. */
export function burn(ns: number): void {
  const end = performance.now() + ns / 1e6
  while (performance.now() < end) {}
}
