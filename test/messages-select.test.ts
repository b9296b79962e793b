import { choice } from './conformance/select-choice.js'
import { losers } from './conformance/select-losers.js'
import { parking } from './conformance/select-parking.js'
import { selectRaces } from './conformance/select-races.js'
import { selectStress } from './conformance/select-stress.js'
import { selectThreads } from './conformance/select-threads.js'
import { timeouts } from './conformance/select-timeouts.js'
import { selectors } from './conformance/selector.js'
import { messages, selecting } from './conformance/subject.js'

const subject = selecting(messages('cells'))
choice(subject)
parking(subject)
losers(subject)
timeouts(subject)
selectors(subject)
selectThreads(subject)
selectRaces(subject)
selectStress(subject)
