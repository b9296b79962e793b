import { PlainChannel } from '../baseline/plain-channel.js'
import { recv, select } from '../baseline/plain-select.js'
import { oneLoopContender } from './one-loop.js'

export default oneLoopContender<PlainChannel<number>>({
  channel: (capacity) => new PlainChannel<number>(capacity),
  selectReceive: (busy, quiet) =>
    select({ busy: recv(busy), quiet: recv(quiet) }) as Promise<{ value: number | undefined }>,
})
