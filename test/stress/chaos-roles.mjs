// What the threads do that are killed.

import { open } from 'millrace'
import { styleOf } from '../support/kit.mjs'
import { reader, writer } from './ledger.mjs'

export const chaosRoles = {
  async produce({ handle, ledger, id, batch, style }) {
    const ch = open(handle)
    const io = styleOf(style)
    const book = writer(ledger, id)
    const values = new ch.codec.batch(batch)
    for (let n = book.begin(batch); n > 0; n = book.begin(batch)) {
      if (batch === 1) {
        const sending = io.send(ch, book.first)
        if (sending !== undefined) await sending
      } else {
        for (let i = 0; i < n; i++) values[i] = book.first + i
        const sending = io.sendMany(ch, values.subarray(0, n))
        const sent = sending instanceof Promise ? await sending : sending
        if (sent !== n) throw new Error(`sendMany of ${n} values sent ${sent}`)
      }
      book.end()
    }
    return true
  },

  async consume({ handle, ledger, id, batch, style }) {
    const ch = open(handle)
    const io = styleOf(style)
    const note = reader(ledger, id)
    const into = new ch.codec.batch(batch)
    for (;;) {
      const receiving = batch === 1 ? io.next(ch) : io.receiveMany(ch, into)
      const got = receiving instanceof Promise ? await receiving : receiving
      if (got === 0 || got.done) return true
      if (batch === 1) note(got.value)
      else for (let i = 0; i < got; i++) note(into[i])
    }
  },
}
