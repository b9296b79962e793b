import { parentPort, workerData } from 'node:worker_threads'
import { chaosRoles } from './chaos-roles.mjs'
import { historyRoles } from './history-roles.mjs'
import { roles } from './roles.mjs'
import { selectHistoryRoles } from './select-history-roles.mjs'
import { selectRoles } from './select-roles.mjs'

const { role, args } = workerData
parentPort.postMessage(
  await { ...roles, ...selectRoles, ...selectHistoryRoles, ...historyRoles, ...chaosRoles }[role](args),
)
