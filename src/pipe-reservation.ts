// Room in a pipe that is written into in place.

import { rangeError, show, typeError } from './errors.js'

/** Room in a pipe for one record, to be written into. It ends by `commit`, `stage` or `abort`; until then the pipe takes no other record. */
export class PipeReservation {
  #writer: ReservationOwner | undefined
  #bytes: Uint8Array
  readonly #at: number

  /** @internal */
  constructor(writer: ReservationOwner, at: number, bytes: Uint8Array) {
    this.#writer = writer
    this.#at = at
    this.#bytes = bytes
  }

  /** Where to write: shared memory, with what was there before. @throws TypeError once it has ended. */
  get bytes(): Uint8Array {
    if (this.#writer === undefined) throw ended()
    return this.#bytes
  }

  /**
   * Sends the first `length` bytes, by default all, and what has been staged.
   *
   * @throws ClosedError if the pipe was closed meanwhile; RangeError for a length that is not within `bytes`; TypeError once it has ended.
   */
  commit(length: number = this.#bytes.length): void {
    if (this.#writer === undefined) throw ended()
    checkLength(length, this.#bytes.length)
    this.#end(length).commit()
  }

  /** As `commit`, but the reader sees it only with the next record that is committed, or after `flush`: for many records at once. */
  stage(length: number = this.#bytes.length): void {
    if (this.#writer === undefined) throw ended()
    checkLength(length, this.#bytes.length)
    this.#end(length).staged()
  }

  /** Gives the room back: nothing is sent. Does nothing once it has ended. */
  abort(): void {
    if (this.#writer === undefined) return
    this.#end(TAKEN_BACK).staged()
  }

  /** As `abort`. */
  [Symbol.dispose](): void {
    this.abort()
  }

  #end(length: number): ReservationOwner {
    const writer = this.#writer
    if (writer === undefined) throw ended()
    if (length !== this.#bytes.length) writer.trim(this.#at, length)
    this.#writer = undefined
    this.#bytes = NONE
    return writer
  }
}

/** @internal What a reservation tells its writer. */
export interface ReservationOwner {
  trim(at: number, length: number): void
  commit(): void
  staged(): void
}

const NONE = new Uint8Array(0)
/** Instead of a length. */
const TAKEN_BACK = -1

function ended(): TypeError {
  return typeError('the reservation has ended: it was committed, staged or aborted')
}

/** @internal */
export function checkLength(length: number, limit: number): void {
  if (typeof length !== 'number') throw typeError(`the length of a record is a number of bytes, not ${show(length)}`)
  if (!Number.isInteger(length) || length < 0 || length > limit)
    throw rangeError(`the length of the record is an integer from 0 to ${limit} bytes, not ${show(length)}`)
}
