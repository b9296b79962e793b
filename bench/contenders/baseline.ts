import * as baseline from '../baseline/index.js'
import { type Library, libraryContender } from './library.js'

export default libraryContender(baseline as unknown as Library)
