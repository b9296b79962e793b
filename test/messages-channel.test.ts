// The suites for channels, where the values are messages.

import { basics } from './conformance/basics.js'
import { closing } from './conformance/closing.js'
import { iteration } from './conformance/iteration.js'
import { nonblocking } from './conformance/nonblocking.js'
import { messages } from './conformance/subject.js'

const subject = messages('blocks')
basics(subject)
nonblocking(subject)
iteration(subject)
closing(subject)
