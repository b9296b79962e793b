import { PlainChannel } from '../baseline/plain-channel.js'
import { oneLoopContender } from './one-loop.js'

export default oneLoopContender<PlainChannel<number>>({
  channel: (capacity) => new PlainChannel<number>(capacity),
  selectReceive: (busy, quiet) => PlainChannel.select([{ receive: busy }, { receive: quiet }]),
})
