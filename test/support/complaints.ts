// What a process says of promises and listeners that nobody takes care of.

import { afterEach, beforeEach, expect } from 'vitest'
import { macrotask } from './probe.js'

/** Fails each test of the file in which a rejection is left unhandled, or a warning comes: of listeners that leak, for instance. */
export function noComplaints(): void {
  let complaints: unknown[] = []
  const note = (complaint: unknown): void => {
    complaints.push(complaint)
  }
  beforeEach(() => {
    complaints = []
    process.on('unhandledRejection', note)
    process.on('warning', note)
  })
  afterEach(async () => {
    await macrotask()
    await macrotask()
    process.off('unhandledRejection', note)
    process.off('warning', note)
    expect(complaints).toEqual([])
  })
}
