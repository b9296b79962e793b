import workerpool from 'workerpool'
import { TASKS } from '../tasks.js'

workerpool.worker(TASKS)
