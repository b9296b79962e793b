import { closing } from './conformance/closing.js'
import { buffered } from './conformance/subject.js'

closing(buffered())
