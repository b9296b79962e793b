// For which arena a message is being measured: contexts are made known to other threads there, if they are not yet.

import type { Arena } from '../arena.js'

export const encoding: { arena: Arena | undefined } = { arena: undefined }
