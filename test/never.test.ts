import { merging } from './conformance/merge.js'
import { nothing } from './conformance/never.js'
import { selecting } from './conformance/subject.js'

const subject = selecting()
nothing(subject)
merging(subject)
