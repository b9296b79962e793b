import * as millrace from 'millrace'
import { type Library, libraryContender } from './library.js'

export default libraryContender(millrace as unknown as Library)
