// A record of a pipe that is read in place.

import { typeError } from './errors.js'

/** A record in the pipe, where it lies. It ends by `release`; until then the pipe gives no other record, and its room is not used again. */
export class PipeView {
  #release: (() => void) | undefined
  #bytes: Uint8Array

  /** @internal */
  constructor(bytes: Uint8Array, release: () => void) {
    this.#bytes = bytes
    this.#release = release
  }

  /** The record, in shared memory. @throws TypeError once released. */
  get bytes(): Uint8Array {
    if (this.#release === undefined) throw typeError('the view has ended: the record was released')
    return this.#bytes
  }

  /** Gives the room back to the writer. Does nothing the second time. */
  release(): void {
    const release = this.#release
    this.#release = undefined
    this.#bytes = NONE
    release?.()
  }

  /** As `release`. */
  [Symbol.dispose](): void {
    this.release()
  }
}

const NONE = new Uint8Array(0)
