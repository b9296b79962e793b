import { rendezvous } from './conformance/rendezvous.js'
import { rendezvousClosing } from './conformance/rendezvous-closing.js'
import { rendezvousOrder } from './conformance/rendezvous-order.js'
import { rendezvousRaces } from './conformance/rendezvous-races.js'
import { rendezvousThreads } from './conformance/rendezvous-threads.js'
import { messages, selecting } from './conformance/subject.js'

const subject = selecting(messages('cells'))
rendezvous(subject)
rendezvousClosing(subject)
rendezvousOrder(subject)
rendezvousThreads(subject)
rendezvousRaces(subject)
