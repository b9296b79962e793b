import { rendezvous } from './conformance/rendezvous.js'
import { rendezvousClosing } from './conformance/rendezvous-closing.js'
import { rendezvousRaces } from './conformance/rendezvous-races.js'
import { rendezvousThreads } from './conformance/rendezvous-threads.js'
import { selecting } from './conformance/subject.js'

const subject = selecting()
rendezvous(subject)
rendezvousClosing(subject)
rendezvousThreads(subject)
rendezvousRaces(subject)
