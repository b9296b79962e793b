// Everything that the checker can find wrong, with a short stable kind for tests and a sentence for people.

export type FailureKind =
  | 'lost wake-up' // everybody asleep, although the specification says that somebody could go on
  | 'stuck' // everybody waits in a spin loop for something that nobody will do
  | 'livelock' // one operation does not end although everybody else stands still
  | 'endless' // the whole execution does not end
  | 'data race'
  | 'mixed sizes' // atomics of different sizes on one word, unordered
  | 'not linearizable'
  | 'invariant' // a scenario's own step or final check
  | 'trap' // the module or the program threw
  | 'not lock-free' // a scenario that promised never to wait for another thread did
  | 'memory' // shadow state of the allocator: used after free, freed twice, leaked
  | 'not deterministic' // the checker's own assumption is broken
  | 'unhooked' // shared memory was written without a hook

export class Failure extends Error {
  readonly kind: FailureKind
  constructor(kind: FailureKind, message: string) {
    super(message)
    this.name = 'Failure'
    this.kind = kind
  }
}

/** For invariants of scenarios. */
export function check(condition: boolean, message: string): asserts condition {
  if (!condition) throw new Failure('invariant', message)
}
