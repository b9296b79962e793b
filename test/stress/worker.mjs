import { parentPort, workerData } from 'node:worker_threads'
import { chaosRoles } from './chaos-roles.mjs'
import { historyRoles } from './history-roles.mjs'
import { roles } from './roles.mjs'

const { role, args } = workerData
parentPort.postMessage(await { ...roles, ...historyRoles, ...chaosRoles }[role](args))
