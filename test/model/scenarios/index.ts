// All scenarios, in the order in which they are run.

import type { Scenario } from '../checker/scenario.js'
import { allocator } from './allocator.js'
import { atomicValues } from './atomic-value.js'
import { barriers } from './barrier.js'
import { batches } from './batch.js'
import { cells } from './cells.js'
import { channels } from './channel.js'
import { conds } from './cond.js'
import { counters } from './counter.js'
import { delegation } from './delegation.js'
import { deques } from './deque.js'
import { dequeObjects } from './deque-object.js'
import { litmus } from './litmus.js'
import { memoryWaits } from './memory-wait.js'
import { messages } from './messages.js'
import { mutexes } from './mutex.js'
import { onces } from './once.js'
import { pipes } from './pipe.js'
import { rendezvous } from './rendezvous.js'
import { reuses } from './reuse.js'
import { rings } from './ring.js'
import { runtimes } from './runtime.js'
import { rwmutexes } from './rwmutex.js'
import { selects } from './select.js'
import { semaphores } from './semaphore.js'
import { maps } from './sharded-map.js'
import { stacks } from './stack.js'
import { threadTable } from './threads.js'
import { waitGroups } from './wait-group.js'

export const scenarios: readonly Scenario[] = [
  ...litmus,
  ...allocator,
  ...stacks,
  ...counters,
  ...rings,
  ...channels,
  ...batches,
  ...pipes,
  ...atomicValues,
  ...maps,
  ...deques,
  ...dequeObjects,
  ...runtimes,
  ...rendezvous,
  ...selects,
  ...delegation,
  ...messages,
  ...cells,
  ...memoryWaits,
  ...mutexes,
  ...onces,
  ...rwmutexes,
  ...conds,
  ...semaphores,
  ...waitGroups,
  ...barriers,
  ...reuses,
  ...threadTable,
]
