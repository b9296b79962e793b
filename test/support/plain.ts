// The channel in plain JavaScript that the benchmark measures against, in the shape that the suites about select take.

import { PlainChannel } from '../../build/bench/baseline/plain-channel.js'
import * as plain from '../../build/bench/baseline/plain-select.js'
import type { SelectSubject } from '../conformance/subject.js'
import { kits } from './kit.mjs'

export function inProcess(): SelectSubject {
  const made = {
    ...plain,
    name: 'one loop, plain JavaScript',
    kits,
    make: (_codec: unknown, capacity = 0) => new PlainChannel(capacity),
    merge: undefined,
  }
  return made as unknown as SelectSubject
}
