// Timers in a select: the suites of conformance/select-time.ts for this library.

import { channel, f64, recv, select, selectSync, send, trySelect } from 'millrace'
import type { SelectSubject } from './conformance/select-subject.js'
import { selectTime } from './conformance/select-time.js'

selectTime({
  name: 'millrace',
  select: select as unknown as SelectSubject['select'],
  selectSync: selectSync as unknown as SelectSubject['selectSync'],
  trySelect: trySelect as unknown as SelectSubject['trySelect'],
  recv,
  send,
  channel: (capacity) => channel(f64, { capacity }),
})
