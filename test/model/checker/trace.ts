// The execution so far, one entry per event, and the event that each thread is about to do. Flat arrays: nothing is allocated per step.

export class Trace {
  // The execution so far: one entry per event.
  depth = 0
  readonly tid: Uint8Array
  readonly op: Uint8Array
  readonly flags: Uint8Array
  readonly at: Int32Array
  readonly bytes: Int32Array
  readonly site: Int32Array
  /** Event that made this one possible (notify of a wake-up, death of a victim), or -1. */
  readonly link: Int32Array
  readonly values: Int32Array

  // Every thread's next event.
  readonly state: Uint8Array
  readonly pOp: Uint8Array
  readonly pFlags: Uint8Array
  readonly pAt: Int32Array
  readonly pBytes: Int32Array
  readonly pSite: Int32Array

  constructor(threads: number, maxSteps: number) {
    const n = threads
    const bytes = (k: number) => new Uint8Array(k)
    const ints = (k: number) => new Int32Array(k)
    this.tid = bytes(maxSteps)
    this.op = bytes(maxSteps)
    this.flags = bytes(maxSteps)
    this.at = ints(maxSteps)
    this.bytes = ints(maxSteps)
    this.site = ints(maxSteps)
    this.link = ints(maxSteps)
    this.values = ints(maxSteps * 4)
    this.state = bytes(n)
    this.pOp = bytes(n)
    this.pFlags = bytes(n)
    this.pAt = ints(n)
    this.pBytes = ints(n)
    this.pSite = ints(n)
  }
}
