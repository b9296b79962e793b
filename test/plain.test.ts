// The channel and the select in plain JavaScript that the benchmark measures against are only worth that if they are right: they go
// through the same suites as millrace, as far as one event loop goes.

import { nothing } from './conformance/never.js'
import { rendezvous } from './conformance/rendezvous.js'
import { rendezvousClosing } from './conformance/rendezvous-closing.js'
import { rendezvousOrder } from './conformance/rendezvous-order.js'
import { choice } from './conformance/select-choice.js'
import { duplicates } from './conformance/select-duplicates.js'
import { evaluation } from './conformance/select-evaluation.js'
import { fairness } from './conformance/select-fairness.js'
import { losers } from './conformance/select-losers.js'
import { parking } from './conformance/select-parking.js'
import { timeouts } from './conformance/select-timeouts.js'
import { selectors } from './conformance/selector.js'
import { inProcess } from './support/plain.js'

const subject = inProcess()
rendezvous(subject)
rendezvousClosing(subject)
rendezvousOrder(subject)
choice(subject)
parking(subject)
losers(subject)
duplicates(subject)
fairness(subject)
evaluation(subject)
timeouts(subject)
selectors(subject)
nothing(subject)
