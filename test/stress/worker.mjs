import { parentPort, workerData } from 'node:worker_threads'
import { chaosRoles } from './chaos-roles.mjs'
import { historyRoles } from './history-roles.mjs'
import { roles } from './roles.mjs'
import { selectChaosRoles } from './select-chaos-roles.mjs'
import { selectHistoryRoles } from './select-history-roles.mjs'
import { selectRoles } from './select-roles.mjs'

const all = { ...roles, ...selectRoles, ...historyRoles, ...selectHistoryRoles, ...chaosRoles, ...selectChaosRoles }

const { role, args } = workerData
parentPort.postMessage(await all[role](args))
