// Node's own start: what the others are held against.

import { reportCpu } from './report-cpu.js'

reportCpu()
