import { basics } from './conformance/basics.js'
import { iteration } from './conformance/iteration.js'
import { nonblocking } from './conformance/nonblocking.js'
import { buffered } from './conformance/subject.js'

const subject = buffered()
basics(subject)
nonblocking(subject)
iteration(subject)
