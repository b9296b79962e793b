import { choice } from './conformance/select-choice.js'
import { duplicates } from './conformance/select-duplicates.js'
import { evaluation } from './conformance/select-evaluation.js'
import { fairness } from './conformance/select-fairness.js'
import { losers } from './conformance/select-losers.js'
import { parking } from './conformance/select-parking.js'
import { timeouts } from './conformance/select-timeouts.js'
import { selectors } from './conformance/selector.js'
import { selecting } from './conformance/subject.js'

const subject = selecting()
choice(subject)
parking(subject)
losers(subject)
timeouts(subject)
duplicates(subject)
fairness(subject)
evaluation(subject)
selectors(subject)
