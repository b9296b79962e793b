import { buffered } from './conformance/subject.js'
import { transfer } from './conformance/transfer.js'

transfer(buffered())
