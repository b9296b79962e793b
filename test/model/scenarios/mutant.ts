// A small mistake that some scenario must catch.

import type { Mutation } from '../checker/build.js'

export interface Mutant {
  readonly name: string
  readonly about: string
  readonly mutations: readonly Mutation[]
  /** Scenarios that are tried in this order; one of them must fail. */
  readonly scenarios: readonly string[]
}

/** A mutant of one place. */
export function mutant(
  name: string,
  about: string,
  file: string,
  find: string,
  replace: string,
  ...scenarios: string[]
): Mutant {
  return { name, about, mutations: [{ file, find, replace }], scenarios }
}
