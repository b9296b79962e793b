import { parentPort, workerData } from 'node:worker_threads'
import { roles } from './roles.mjs'

parentPort.postMessage(await roles[workerData.role](workerData.args))
