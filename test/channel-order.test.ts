import { ordering } from './conformance/ordering.js'
import { buffered } from './conformance/subject.js'

ordering(buffered())
