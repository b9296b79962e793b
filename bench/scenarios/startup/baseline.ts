import { channel, f64 } from '../../baseline/index.js'
import { reportCpu } from './report-cpu.js'

const first = channel(f64, { capacity: 1 })
if (!first.trySend(1.5) || first.tryReceive() !== 1.5) throw new Error('the first message was lost')
reportCpu()
