import { selectRaces } from './conformance/select-races.js'
import { selectStress } from './conformance/select-stress.js'
import { selectThreads } from './conformance/select-threads.js'
import { selecting } from './conformance/subject.js'

const subject = selecting()
selectThreads(subject)
selectRaces(subject)
selectStress(subject)
