// The tasks that every pool runs in its workers: each takes a number and returns it.

import { burn } from '../harness/clock.js'

/** Does nothing. */
export function echo(value: number): number {
  return value
}

/** Keeps its thread busy for so many microseconds. */
export function work(micros: number): number {
  burn(micros * 1000)
  return micros
}

export const TASKS = { echo, work }
export type TaskName = keyof typeof TASKS
