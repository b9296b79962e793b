// A thread may itself complete what waits on its own event loop, by any call that looks at a queue, and then nobody else wakes its loop. Here
// one task of a thread waits while another tries, and a third party closes the channel: who tells the waiter is whoever comes first.

import { AtomicI32, channel, f64, u32 } from 'millrace'
import { afterEach, describe, test } from 'vitest'
import { rounds } from './support/settings.js'
import { elsewhere, endThreads } from './support/threads.js'

afterEach(endThreads)

describe.each(['next', 'select'] as const)('a %s that waits', (wait) => {
  for (const poll of ['tryNext', 'trySelect', 'next with a timeout', 'select with a timeout'] as const) {
    test.each([0, 2])(
      `hears of a close that a ${poll} of its thread was the first to see (capacity %i)`,
      async (capacity) => {
        const channels = Array.from({ length: rounds(300) }, (_, i) => channel(i % 2 ? u32 : f64, { capacity }))
        const handles = channels.map((ch) => ch.handle)
        const gate = new AtomicI32(0)
        const waiting = elsewhere(
          'async',
          async ({ open, meet, io, recv, trySelect }, handles, gate, wait, poll) => {
            for (const [i, handle] of handles.entries()) {
              const ch = open(handle)
              const waiter = wait === 'next' ? ch.next() : io.select({ a: recv(ch) })
              meet(open(gate), 2, i + 1)
              for (let done = false; !done; ) {
                try {
                  if (poll === 'tryNext') done = ch.tryNext()?.done
                  else if (poll === 'trySelect') done = trySelect({ a: recv(ch) })?.done
                  else if (poll === 'next with a timeout') done = (await ch.next({ timeout: 0.01 })).done
                  else done = (await io.select({ a: recv(ch) }, { timeout: 0.01 })).done
                } catch (error) {
                  if ((error as { code?: string }).code !== 'ERR_TIMEOUT') throw error
                }
              }
              let timer: NodeJS.Timeout | undefined
              const late = new Promise((_, reject) => {
                timer = setTimeout(() => reject(new Error(`round ${i}: it did not hear of the close`)), 2000)
              })
              await Promise.race([waiter, late])
              clearTimeout(timer)
            }
          },
          ...([handles, gate.handle, wait, poll] as const),
        )
        const closing = elsewhere(
          'blocking',
          ({ open, meet }, handles, gate) => {
            for (const [i, handle] of handles.entries()) {
              meet(open(gate), 2, i + 1)
              open(handle).close()
            }
          },
          ...([handles, gate.handle] as const),
        )
        await waiting
        await closing
        for (const ch of channels) ch.dispose()
        gate.dispose()
      },
    )
  }
})
