import { ordering } from './conformance/ordering.js'
import { messages } from './conformance/subject.js'
import { transfer } from './conformance/transfer.js'

const subject = messages('blocks')
ordering(subject)
transfer(subject)
