import { portContender, receiveByPolling } from '../values/post-message.js'

export default portContender(receiveByPolling, true)
