import { randomFrom } from './kit.mjs'

/** The seed of this run: printed when a test fails; `SEED=n` repeats it. */
export const seed = Number(process.env.SEED ?? (Math.random() * 2 ** 32) >>> 0)

/** Random numbers that depend on the seed and on who asks, so that tests do not disturb each other's. */
export function random(who: string): ReturnType<typeof randomFrom> {
  let hash = seed
  for (const char of who) hash = Math.imul(hash ^ char.charCodeAt(0), 0x01000193)
  return randomFrom(hash)
}
