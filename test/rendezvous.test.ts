import { rendezvous } from './conformance/rendezvous.js'
import { rendezvousBatches } from './conformance/rendezvous-batches.js'
import { rendezvousClosing } from './conformance/rendezvous-closing.js'
import { rendezvousOrder } from './conformance/rendezvous-order.js'
import { rendezvousRaces } from './conformance/rendezvous-races.js'
import { rendezvousThreads } from './conformance/rendezvous-threads.js'
import { selecting } from './conformance/subject.js'

const subject = selecting()
rendezvous(subject)
rendezvousClosing(subject)
rendezvousBatches(subject)
rendezvousOrder(subject)
rendezvousThreads(subject)
rendezvousRaces(subject)
